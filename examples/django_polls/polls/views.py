"""Show the questions, and count what people choose, each of them once."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import F
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from .models import Choice, Question


def index(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    latest = Question.objects.order_by("-pub_date")[:5]
    return render(request, "polls/index.html", {"latest_question_list": latest})


def detail(request, question_id):
    question = get_object_or_404(Question, pk=question_id)
    return render(request, "polls/detail.html", {"question": question})


def results(request, question_id):
    question = get_object_or_404(Question, pk=question_id)
    return render(request, "polls/results.html", {"question": question})


@login_required
def vote(request, question_id):
    question = get_object_or_404(Question, pk=question_id)
    try:
        chosen = question.choice_set.get(pk=request.POST["choice"])
    except (KeyError, Choice.DoesNotExist):
        context = {"question": question, "error_message": "You didn't select a choice."}
        return render(request, "polls/detail.html", context)
    if question_id in request.session.get("voted", []):
        messages.warning(request, "You have voted on this before.")
    else:
        chosen.votes = F("votes") + 1
        chosen.save()
        request.session["voted"] = [*request.session.get("voted", []), question_id]
        messages.success(request, "Thank you for your vote.")
    return HttpResponseRedirect(reverse("polls:results", args=(question.id,)))
