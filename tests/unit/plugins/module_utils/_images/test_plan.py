# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what there is of an image to what is wanted."""

from __future__ import annotations

from ansible_collections.gpufleet.mlstack.plugins.module_utils._images import dockerfile, plan, plan_archive
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.model import (
    Context,
    DesiredArchive,
    ImageFacts,
    Observed,
    Package,
)
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._images.image_parts import (
    DIGEST,
    desired,
    lock,
    recipe,
)

OTHER = "sha256:" + "e" * 64


def image(*locks, digest=DIGEST, identity="1", **changes):
    wanted = recipe(*locks, **changes)
    labels = {**dockerfile.labels(wanted), "io.gpufleet.mlstack.desired": digest}
    return ImageFacts(f"sha256:{identity}", labels, user="1000:1000", workdir="/app", command=("python", "--version"))


def observed(images=(), context=None, made=None, **changes):
    return Observed(DIGEST, dict(images), context or Context({}), made=made, **changes)


def verbs(found):
    return [(action.verb, action.subject) for action in found.actions]


def test_a_label_with_the_digest_is_enough():
    assert not plan.plan(desired(), observed({"demo:latest": image()})).changed


def test_a_new_image_is_written_and_built_the_dockerfile_last():
    made = dockerfile.files(recipe())
    found = plan.plan(desired(), observed(made=made, recipe=recipe()))
    assert verbs(found)[-2:] == [("write", "Dockerfile"), ("build", "demo:latest")]
    assert {subject for verb, subject in verbs(found) if verb == "write"} == set(made)
    assert found.before == ()
    assert "ml alpha 1.0" in found.after


def test_a_diff_shows_pins_packages_and_base():
    old = image(lock(alpha="1.0", beta="1.0"), system=(Package("git"),), digest=OTHER)
    new = recipe(lock(alpha="1.1", gamma="2.0"), system=(Package("curl"),))
    found = plan.plan(desired(), observed({"demo:latest": old}, made=dockerfile.files(new), recipe=new))
    assert verbs(found)[-1] == ("build", "demo:latest")
    gone, come = set(found.before) - set(found.after), set(found.after) - set(found.before)
    assert gone == {"ml alpha 1.0", "ml beta 1.0", "package git"}
    assert come == {"ml alpha 1.1", "ml gamma 2.0", "package curl"}


def test_only_what_differs_is_written_and_what_is_over_goes():
    before = dockerfile.files(recipe(lock("one"), lock("two")))
    made = dockerfile.files(recipe(lock("one")))
    steps = verbs(plan.plan(desired(write_only=True), observed(context=Context(before, OTHER, True), made=made)))
    assert steps == [("write", "Dockerfile"), ("delete", "requirements/two.txt")]


def test_where_nothing_is_built_no_image_is_missed():
    assert not plan.plan(desired(write_only=True), observed()).changed


def test_a_second_name_is_given_without_a_build():
    tags = ("demo:latest", "demo:1", "demo:2")
    images = {"demo:latest": image(), "demo:1": image(), "demo:2": image(identity="2")}
    assert verbs(plan.plan(desired(tags=tags), observed(images))) == [("tag", "demo:2")]
    del images["demo:1"]
    assert verbs(plan.plan(desired(tags=tags), observed(images))) == [("tag", "demo:1"), ("tag", "demo:2")]


def test_what_check_mode_cannot_know_is_said():
    found = plan.plan(desired(), observed(unknown="the base is not here", asked_pins={"ml": {"alpha": "1.0"}}))
    assert verbs(found) == [("write", "Dockerfile"), ("build", "demo:latest")]
    assert "the base is not here" in found.actions[0].summary
    assert "ml alpha 1.0" in found.after


def test_an_image_goes_where_it_is_lacking():
    wanted = desired(push=True, save_to="/srv", tags=("demo:latest", "demo:1"))
    images = {"demo:latest": image(), "demo:1": image()}
    lacking = observed(images, unpushed=("demo:1",), archive="/srv/demo-1.tar")
    assert verbs(plan.plan(wanted, lacking)) == [("push", "demo:1"), ("save", "/srv/demo-1.tar")]
    assert not plan.plan(wanted, observed(images, archive="/srv/demo-1.tar", saved=True)).changed
    built = verbs(plan.plan(wanted, observed(made={})))
    assert built == [("build", "demo:latest"), ("push", "demo:latest"), ("push", "demo:1"), ("save", "/srv")]
    assert not plan.plan(desired(push=True, save_to="/srv", write_only=True), observed()).changed


def test_an_archive_is_loaded_where_its_image_is_lacking():
    wanted = DesiredArchive("/srv/demo.tar", "sha256:1", ("demo:1", "demo:latest"))
    assert verbs(plan_archive.plan(wanted, {})) == [
        ("load", "/srv/demo.tar"),
        ("tag", "demo:1"),
        ("tag", "demo:latest"),
    ]
    one = ImageFacts("sha256:1")
    there = {"sha256:1": one, "demo:1": one, "demo:latest": ImageFacts("sha256:2")}
    assert verbs(plan_archive.plan(wanted, there)) == [("tag", "demo:latest")]
    assert not plan_archive.plan(wanted, {**there, "demo:latest": one}).changed
