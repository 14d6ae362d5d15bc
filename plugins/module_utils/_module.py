# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one loop of every module: arguments, desired state, observation, plan, application, result."""

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

Desired = t.TypeVar("Desired")
Observed = t.TypeVar("Observed")


class _Module(AnsibleModule):
    """AnsibleModule writes its arguments to the system log as soon as it exists, tokens in URLs included."""

    def log(self, msg: t.Any, log_args: t.Mapping[str, t.Any] | None = None) -> None:
        redactor = Redactor(str(value) for value in self.no_log_values)
        redactor.learn(self.params)
        super().log(redactor.data(msg), log_args=redactor.data(dict(log_args or {})))


@dataclass
class Context:
    """What a resource may use of the outside world. ``preview`` is set in check mode: an observation then finds out,
    without changing anything, what a change would bring in. ``locked`` says that the resource's lock is held, so that
    what is observed is what will be changed."""

    host: Host
    commands: Commands
    redactor: Redactor
    preview: bool
    warn: t.Callable[[str], None]
    locked: bool = False


@dataclass
class Outcome(t.Generic[Desired]):
    """What became of one desired state. ``details`` are keys for the result, ``seconds`` wall time."""

    desired: Desired
    plan: Plan = field(default_factory=Plan)
    changed: bool = False
    error: MlstackError | None = None
    details: dict[str, t.Any] = field(default_factory=dict)
    seconds: float = 0.0


class Resource(t.Generic[Desired, Observed]):
    """One thing a module manages. A module defines a subclass and calls run_module().

    ``desired`` turns arguments into independent desired states: a desired state that fails does not stop the next one.
    ``plan`` is pure, and what it says is what is executed: ``handlers`` has one handler for each of its verbs.
    """

    # Arguments that are not repeated in the result, such as the contents of files.
    left_out: tuple[str, ...] = ()

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[Desired]:
        raise NotImplementedError

    def title(self, desired: Desired) -> str:
        """The name under which a desired state is shown."""
        raise NotImplementedError

    def observe(self, desired: Desired, context: Context) -> Observed:
        raise NotImplementedError

    def plan(self, desired: Desired, observed: Observed) -> Plan:
        raise NotImplementedError

    def lock(self, desired: Desired, context: Context) -> t.ContextManager[t.Any]:
        """Held while a plan is made anew and applied, so that two runs at once do the work once."""
        return contextlib.nullcontext()

    def handlers(self, desired: Desired, context: Context) -> Handlers:
        """What executes each verb of the plan; asked for only where there is something to do. A handler raises
        MlstackError and leaves the host as it was, or in a state from which the next run converges."""
        return _Undivided(self, desired, context)

    def apply(self, desired: Desired, observed: Observed, plan: Plan, context: Context) -> dict[str, t.Any]:
        """Execute a plan as a whole, in wings that have no handlers yet. A Plan in the result under ``plan`` is what
        was really done."""
        raise NotImplementedError

    def difference(self, desired: Desired, before: Observed, after: Observed) -> dict[str, t.Any]:
        """What the result says of a change, from what was observed before and after it."""
        return {}

    def diff_lines(self, desired: Desired, observed: Observed) -> tuple[str, ...] | None:
        """The lines of a diff that stand for an observation; None leaves a diff to what the plan foresaw."""
        return None

    def describe(self, desired: Desired, observed: Observed) -> dict[str, t.Any]:
        """What the result says of a desired state whether or not anything changed."""
        return {}

    def result(self, outcomes: list[Outcome[Desired]]) -> dict[str, t.Any]:
        """The keys of the module's result besides changed, plan and diff."""
        return dict(outcomes[0].details) if len(outcomes) == 1 else {}


class Inquiry(Resource[Desired, Observed]):
    """What a module finds out that changes nothing: it has an observation, a result, and never a plan."""

    def plan(self, desired: Desired, observed: Observed) -> Plan:
        return Plan()


class _Undivided(t.Mapping[str, t.Any]):
    """One handler for all verbs: the resource's own apply()."""

    def __init__(self, resource: Resource[t.Any, t.Any], desired: t.Any, context: Context) -> None:
        self._resource, self._desired, self._context = resource, desired, context

    def __getitem__(self, verb: str) -> t.Callable[..., t.Any]:
        return self._apply

    def __iter__(self) -> t.Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def _apply(self, actions: t.Sequence[Action], change: t.Any) -> t.Sequence[Action]:
        plan = self._resource.plan(self._desired, change.observed)
        told = dict(self._resource.apply(self._desired, change.observed, plan, self._context))
        done: Plan = told.pop("plan", plan)
        change.facts.update(told)
        shown = change.shown or Plan()
        change.shown = replace(done, before=shown.before + done.before, after=shown.after + done.after)
        return done.actions


def run_module(
    resource: Resource[t.Any, t.Any],
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
        all_desired = resource.all_desired(module.params, context)
        _one_line.require(module.params)
        outcomes = [converge(resource, desired, context, check_mode=module.check_mode) for desired in all_desired]
        result = conclude(resource, outcomes, show_diff=module._diff)
        result["commands_run"] = context.commands.count
    except MlstackError as exc:
        result = {**conclude(resource, [], show_diff=False), "changed": False, **failure(exc)}
    except Exception as exc:  # a defect of ours: without redaction its traceback could show credentials
        result = {
            "failed": True,
            "changed": False,
            "msg": f"{type(exc).__name__}: {exc}. This is a defect of gpufleet.mlstack, please report it.",
            "exception": traceback.format_exc(),
        }
    # Ansible would add the arguments as they came.
    result["invocation"] = {"module_args": {**module.params, **dict.fromkeys(resource.left_out, "(left out)")}}
    result = redactor.data(result)
    if result.get("failed"):
        module.fail_json(**{key: value for key, value in result.items() if key != "failed"})
    module.exit_json(**result)


def converge(
    resource: Resource[Desired, Observed], desired: Desired, context: Context, *, check_mode: bool
) -> Outcome[Desired]:
    """Take one desired state through the loop. Never raises for what a user can cause: the error is in the outcome."""
    outcome: Outcome[Desired] = Outcome(desired)
    started = time.monotonic()
    try:
        observed = resource.observe(desired, context)
        outcome.plan = resource.plan(desired, observed)
        outcome.changed = outcome.plan.changed and check_mode
        if outcome.plan.changed and not check_mode:
            with resource.lock(desired, context):
                # Somebody else may have done it while we waited.
                observed = _change(resource, desired, replace(context, locked=True), outcome)
        outcome.details = {**resource.describe(desired, observed), **outcome.plan.details, **outcome.details}
    except MlstackError as exc:
        outcome.error = exc
        outcome.changed = bool(exc.details.pop("changed", outcome.changed))
    outcome.seconds = time.monotonic() - started
    return outcome


def _change(
    resource: Resource[Desired, Observed], desired: Desired, context: Context, outcome: Outcome[Desired]
) -> Observed:
    """Execute plans until one is empty; what was done joins the outcome. Returns the last observation."""
    from ansible_collections.gpufleet.mlstack.plugins.module_utils import _apply

    before = observed = resource.observe(desired, context)
    outcome.plan = plan = resource.plan(desired, before)
    if not plan.changed:
        return before
    handlers = resource.handlers(desired, context)
    change = _apply.Change(before)
    try:
        for _round in range(ROUNDS):
            _apply.execute(plan, handlers, change)
            observed = change.observed = resource.observe(desired, context)
            plan = resource.plan(desired, observed)
            if not plan.changed or _apply.repeated(plan, change.done):
                break
    finally:
        outcome.changed = bool(change.done)
    _refuse_leftover(resource.title(desired), plan)
    diff_lines = resource.diff_lines(desired, observed)
    shown = change.shown or outcome.plan
    after = shown.after if diff_lines is None else diff_lines
    outcome.plan = replace(shown, actions=tuple(change.done), after=after)
    outcome.details.update({**resource.difference(desired, before, observed), **change.facts})
    return observed


def _refuse_leftover(title: str, leftover: Plan) -> None:
    if leftover.changed:
        raise MlstackError(
            "not_settled",
            wanted=f"{title} as described, with nothing left to do",
            found="after the change the host still differs: " + "; ".join(a.summary for a in leftover.actions),
            to_fix="see whether something else manages the same thing; if not, report this as a defect",
            changed=True,
            leftover=leftover.result(),
        )


def conclude(
    resource: Resource[Desired, t.Any], outcomes: list[Outcome[Desired]], *, show_diff: bool
) -> dict[str, t.Any]:
    """The result of a module from the outcomes of its desired states."""
    result: dict[str, t.Any] = {"changed": any(outcome.changed for outcome in outcomes)}
    if not isinstance(resource, Inquiry):
        result["plan"] = [step for outcome in outcomes for step in outcome.plan.result()]
    result.update(resource.result(outcomes))
    if show_diff:
        result["diff"] = [part for outcome in outcomes for part in outcome.plan.diff(resource.title(outcome.desired))]
    errors = {resource.title(outcome.desired): outcome.error for outcome in outcomes if outcome.error is not None}
    if errors:
        result.update(failure(next(iter(errors.values()))))
    if errors and len(outcomes) > 1:
        told = " ".join(f"[{title}] {error}" for title, error in errors.items())
        result["msg"] = f"{len(errors)} of {len(outcomes)} failed. {told}"
    return result


def failure(error: MlstackError) -> dict[str, t.Any]:
    """The keys of a failed result."""
    return {**error.details, "failed": True, "msg": str(error), "code": error.code}
