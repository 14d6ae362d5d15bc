# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The one loop of every module: arguments, wish, observation, plan, application, result."""

from __future__ import annotations

import contextlib
import os
import time
import traceback
import typing as t
from dataclasses import dataclass, field, replace

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.gpufleet.mlstack.plugins.module_utils import _one_line
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import trust
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._apply import Handlers

ROUNDS = 5  # of executing a plan and looking what is left: what was in use may be free now, packages bring others

Wish = t.TypeVar("Wish")
Observation = t.TypeVar("Observation")


class _Module(AnsibleModule):
    """AnsibleModule writes its arguments to the system log as soon as it exists, tokens in URLs included."""

    def log(self, msg: t.Any, log_args: t.Mapping[str, t.Any] | None = None) -> None:
        redactor = Redactor(str(value) for value in self.no_log_values)
        redactor.learn(self.params)
        super().log(redactor.data(msg), log_args=redactor.data(dict(log_args or {})))


@dataclass
class Context:
    """What a subject may use of the outside world. ``preview`` is set in check mode: an observation then finds out,
    without changing anything, what a change would bring in."""

    host: Host
    commands: Commands
    redactor: Redactor
    preview: bool
    warn: t.Callable[[str], None]


@dataclass
class Outcome(t.Generic[Wish]):
    """What became of one wish. ``details`` are keys for the result, ``seconds`` wall time."""

    wish: Wish
    plan: Plan = field(default_factory=Plan)
    changed: bool = False
    error: MlstackError | None = None
    details: dict[str, t.Any] = field(default_factory=dict)
    seconds: float = 0.0


class Subject(t.Generic[Wish, Observation]):
    """One thing a module manages. A module defines a subclass and calls run_module().

    ``wishes`` turns arguments into independent wishes: a wish that fails does not stop the next one.
    ``plan`` is pure, and what it says is what is executed: ``handlers`` has one handler for each of its verbs.
    """

    # Arguments that are not repeated in the result, such as the contents of files.
    unshown: tuple[str, ...] = ()

    def wishes(self, params: t.Mapping[str, t.Any], context: Context) -> list[Wish]:
        raise NotImplementedError

    def title(self, wish: Wish) -> str:
        """The name under which a wish is shown."""
        raise NotImplementedError

    def observe(self, wish: Wish, context: Context) -> Observation:
        raise NotImplementedError

    def plan(self, wish: Wish, observation: Observation) -> Plan:
        raise NotImplementedError

    def lock(self, wish: Wish, context: Context) -> t.ContextManager[t.Any]:
        """Held while a plan is made anew and applied, so that two runs at once do the work once."""
        return contextlib.nullcontext()

    def handlers(self, wish: Wish, context: Context) -> Handlers:
        """What executes each verb of the plan; asked for only where there is something to do. A handler raises
        MlstackError and leaves the host as it was, or in a state from which the next run converges."""
        return _Undivided(self, wish, context)

    def apply(self, wish: Wish, observation: Observation, plan: Plan, context: Context) -> dict[str, t.Any]:
        """Execute a plan as a whole, in wings that have no handlers yet. A Plan in the result under ``plan`` is what
        was really done."""
        raise NotImplementedError

    def difference(self, wish: Wish, before: Observation, after: Observation) -> dict[str, t.Any]:
        """What the result says of a change, from what was observed before and after it."""
        return {}

    def picture(self, wish: Wish, observation: Observation) -> tuple[str, ...] | None:
        """The lines of a diff that stand for an observation; None leaves a diff to what the plan foresaw."""
        return None

    def describe(self, wish: Wish, observation: Observation) -> dict[str, t.Any]:
        """What the result says of a wish whether or not anything changed."""
        return {}

    def result(self, outcomes: list[Outcome[Wish]]) -> dict[str, t.Any]:
        """The keys of the module's result besides changed, plan and diff."""
        return dict(outcomes[0].details) if len(outcomes) == 1 else {}


class Inquiry(Subject[Wish, Observation]):
    """What a module finds out that changes nothing: it has an observation, a result, and never a plan."""

    def plan(self, wish: Wish, observation: Observation) -> Plan:
        return Plan()


class _Undivided(t.Mapping[str, t.Any]):
    """One handler for all verbs: the subject's own apply()."""

    def __init__(self, subject: Subject[t.Any, t.Any], wish: t.Any, context: Context) -> None:
        self._subject, self._wish, self._context = subject, wish, context

    def __getitem__(self, verb: str) -> t.Callable[..., t.Any]:
        return self._apply

    def __iter__(self) -> t.Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def _apply(self, actions: t.Sequence[Action], change: t.Any) -> t.Sequence[Action]:
        plan = self._subject.plan(self._wish, change.observed)
        told = dict(self._subject.apply(self._wish, change.observed, plan, self._context))
        done: Plan = told.pop("plan", plan)
        change.facts.update(told)
        shown = change.shown or Plan()
        change.shown = replace(done, before=shown.before + done.before, after=shown.after + done.after)
        return done.actions


def run_module(
    subject: Subject[t.Any, t.Any],
    argument_spec: dict[str, t.Any],
    *,
    host: Host | None = None,
    **module_options: t.Any,
) -> None:
    """Run the loop with AnsibleModule's arguments and leave through exit_json() or fail_json()."""
    module = _Module(argument_spec=argument_spec, supports_check_mode=True, **module_options)
    for text in trust.own_variables(os.environ) if os.geteuid() == 0 else ():
        module.warn(text)
    redactor = Redactor(str(value) for value in module.no_log_values)
    redactor.learn(module.params)
    context = Context(
        host=host or Host(),
        commands=Commands(redactor),
        redactor=redactor,
        preview=bool(module.check_mode),
        warn=lambda text: module.warn(redactor.text(text)),
    )
    try:
        wishes = subject.wishes(module.params, context)
        _one_line.require(module.params)
        outcomes = [converge(subject, wish, context, check_mode=module.check_mode) for wish in wishes]
        result = conclude(subject, outcomes, show_diff=module._diff)
        result["commands_run"] = context.commands.count
    except MlstackError as exc:
        result = {**conclude(subject, [], show_diff=False), "changed": False, **failure(exc)}
    except Exception as exc:  # a defect of ours: without redaction its traceback could show credentials
        result = {
            "failed": True,
            "changed": False,
            "msg": f"{type(exc).__name__}: {exc}. This is a defect of gpufleet.mlstack, please report it.",
            "exception": traceback.format_exc(),
        }
    # Ansible would add the arguments as they came.
    result["invocation"] = {"module_args": {**module.params, **dict.fromkeys(subject.unshown, "(left out)")}}
    result = redactor.data(result)
    if result.get("failed"):
        module.fail_json(**{key: value for key, value in result.items() if key != "failed"})
    module.exit_json(**result)


def converge(subject: Subject[Wish, Observation], wish: Wish, context: Context, *, check_mode: bool) -> Outcome[Wish]:
    """Take one wish through the loop. Never raises for what a user can cause: the error is in the outcome."""
    outcome: Outcome[Wish] = Outcome(wish)
    started = time.monotonic()
    try:
        observation = subject.observe(wish, context)
        outcome.plan = subject.plan(wish, observation)
        outcome.changed = outcome.plan.changed and check_mode
        if outcome.plan.changed and not check_mode:
            with subject.lock(wish, context):
                # Somebody else may have done it while we waited.
                observation = _change(subject, wish, context, outcome)
        outcome.details = {**subject.describe(wish, observation), **outcome.plan.details, **outcome.details}
    except MlstackError as exc:
        outcome.error = exc
        outcome.changed = bool(exc.details.pop("changed", outcome.changed))
    outcome.seconds = time.monotonic() - started
    return outcome


def _change(subject: Subject[Wish, Observation], wish: Wish, context: Context, outcome: Outcome[Wish]) -> Observation:
    """Execute plans until one is empty; what was done joins the outcome. Returns the last observation."""
    from ansible_collections.gpufleet.mlstack.plugins.module_utils import _apply

    before = observation = subject.observe(wish, context)
    outcome.plan = plan = subject.plan(wish, before)
    if not plan.changed:
        return before
    handlers = subject.handlers(wish, context)
    change = _apply.Change(before)
    try:
        for _round in range(ROUNDS):
            _apply.execute(plan, handlers, change)
            observation = change.observed = subject.observe(wish, context)
            plan = subject.plan(wish, observation)
            if not plan.changed or _apply.repeated(plan, change.done):
                break
    finally:
        outcome.changed = bool(change.done)
    _refuse_leftover(subject.title(wish), plan)
    picture = subject.picture(wish, observation)
    shown = change.shown or outcome.plan
    after = shown.after if picture is None else picture
    outcome.plan = replace(shown, actions=tuple(change.done), after=after)
    outcome.details.update({**subject.difference(wish, before, observation), **change.facts})
    return observation


def _refuse_leftover(title: str, leftover: Plan) -> None:
    if leftover.changed:
        raise MlstackError(
            "not_settled",
            wished=f"{title} as described, with nothing left to do",
            found="after the change the host still differs: " + "; ".join(a.summary for a in leftover.actions),
            todo="see whether something else manages the same thing; if not, report this as a defect",
            changed=True,
            leftover=leftover.result(),
        )


def conclude(subject: Subject[Wish, t.Any], outcomes: list[Outcome[Wish]], *, show_diff: bool) -> dict[str, t.Any]:
    """The result of a module from the outcomes of its wishes."""
    result: dict[str, t.Any] = {"changed": any(outcome.changed for outcome in outcomes)}
    if not isinstance(subject, Inquiry):
        result["plan"] = [step for outcome in outcomes for step in outcome.plan.result()]
    result.update(subject.result(outcomes))
    if show_diff:
        result["diff"] = [part for outcome in outcomes for part in outcome.plan.diff(subject.title(outcome.wish))]
    errors = {subject.title(outcome.wish): outcome.error for outcome in outcomes if outcome.error is not None}
    if errors:
        result.update(failure(next(iter(errors.values()))))
    if errors and len(outcomes) > 1:
        told = " ".join(f"[{title}] {error}" for title, error in errors.items())
        result["msg"] = f"{len(errors)} of {len(outcomes)} failed. {told}"
    return result


def failure(error: MlstackError) -> dict[str, t.Any]:
    """The keys of a failed result."""
    return {**error.details, "failed": True, "msg": str(error), "code": error.code}
