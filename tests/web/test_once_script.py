"""``coatcheck/once.js`` in Chromium: fresh tickets for forms that stay, buttons that are busy."""

from coatcheck.forms.typed.host import STATIC

SCRIPT = (STATIC / "coatcheck" / "once.js").read_text(encoding="utf-8")

PAGE = """
<form target="f">
<input name="csrf_token" value="old"><button data-busy="Sending…">Send</button>
</form>
<form><input name="csrf_token" value="another form's"></form>
<iframe name="f"></iframe>
"""

BUTTON = """() => {
  const button = document.querySelector("button");
  return [button.textContent, button.getAttribute("aria-disabled"), button.disabled];
}"""


def opened(page):
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_content(PAGE)
    page.add_script_tag(content=SCRIPT)
    return errors


def tickets(page):
    return page.evaluate("[...document.forms].map(form => form.csrf_token.value)")


def test_the_form_that_htmx_sent_gets_the_ticket_of_its_answer_and_no_other_form_does(page):
    errors = opened(page)
    sent = page.evaluate(
        """() => {
          const headers = {}, form = document.forms[0];
          const tell = (name, detail) =>
            form.dispatchEvent(new CustomEvent(name, {bubbles: true, detail}));
          tell("htmx:configRequest", {headers});
          const xhr = {getResponseHeader: name => name === "Coatcheck-Ticket" ? "fresh" : null};
          tell("htmx:afterRequest", {elt: form.querySelector("button"), xhr});
          return headers;
        }"""
    )
    assert sent == {"Coatcheck-Ticket": "taken"}
    assert tickets(page) == ["fresh", "another form's"]
    assert errors == []


def test_the_form_that_turbo_sent_gets_it_too(page):
    errors = opened(page)
    sent = page.evaluate(
        """() => {
          const fetchRequest = {headers: {}}, form = document.forms[0];
          const tell = (name, detail) =>
            form.dispatchEvent(new CustomEvent(name, {bubbles: true, detail}));
          tell("turbo:submit-start", {formSubmission: {fetchRequest}});
          const headers = new Headers({"Coatcheck-Ticket": "fresh"});
          tell("turbo:submit-end", {fetchResponse: {response: {headers}}});
          return fetchRequest.headers;
        }"""
    )
    assert sent == {"Coatcheck-Ticket": "taken"}
    assert tickets(page) == ["fresh", "another form's"]
    assert errors == []


def test_a_pressed_button_says_that_it_is_busy_and_is_itself_again_on_the_way_back(page):
    errors = opened(page)
    page.click("button")
    assert page.evaluate(BUTTON) == ["Sending…", "true", False]  # disabled would drop its value
    page.evaluate("window.dispatchEvent(new Event('pageshow'))")
    assert page.evaluate(BUTTON) == ["Send", None, False]
    assert errors == []
