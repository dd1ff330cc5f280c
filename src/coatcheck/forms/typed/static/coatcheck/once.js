// A form that stays on the page gets the fresh ticket of each answer; a pressed button says that it is busy.
(() => {
  const ticket = "Coatcheck-Ticket", field = "[name=csrfmiddlewaretoken],[name=csrf_token]", on = (name, act) => addEventListener(name, act);
  const take = (from, fresh) => fresh && from?.closest("form")?.querySelectorAll(field).forEach(input => { input.value = fresh; });
  on("htmx:configRequest", ({ detail }) => { detail.headers[ticket] = "taken"; });
  on("htmx:afterRequest", ({ detail }) => take(detail.elt, detail.xhr?.getResponseHeader(ticket)));
  on("turbo:submit-start", ({ detail }) => { detail.formSubmission.fetchRequest.headers[ticket] = "taken"; });
  on("turbo:submit-end", ({ target, detail }) => take(target, detail.fetchResponse?.response.headers.get(ticket)));
  on("submit", ({ submitter: b, defaultPrevented: stays }) => { if (b?.dataset.busy && b.localName === "button" && !stays && !b.ariaDisabled) { b.dataset.was = b.textContent; b.textContent = b.dataset.busy; b.ariaDisabled = "true"; } });
  on("pageshow", () => document.querySelectorAll("button[data-was]").forEach(b => { b.textContent = b.dataset.was; delete b.dataset.was; b.removeAttribute("aria-disabled"); }));
})();
