"""The pytest plugin: options and fixtures for ``pytest --pyargs conformance``.

Loaded by its entry point. It costs a session that does not use it nothing: the suite is imported when a fixture asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conformance.campaign import CampaignSettings
    from conformance.report.run import Run
    from conformance.trial import Trial

_CASES = "test_conformance.py"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance", "autograd conformance (pytest --pyargs conformance)")
    group.addoption("--subject", default="torch", metavar="NAME", help="the engine under test (default: torch)")
    group.addoption("--seed", type=int, default=0, metavar="N", help="draws the same programs again (default: 0)")
    group.addoption(
        "--max-programs", type=int, default=500, metavar="N", help="how many programs to draw (default: 500)"
    )
    group.addoption("--time", dest="conformance_time", metavar="60s", default=None, help="draw for this time instead")
    group.addoption("--profile", default="default", metavar="NAME", help="what kind of programs to draw")
    group.addoption("--driver", default="prng", metavar="prng|hypothesis", help="what draws the programs")
    group.addoption("--laws", default="all", metavar="all|none|NAME,...", help="laws to check besides")
    group.addoption("--jobs", type=int, default=1, metavar="N", help="worker processes")


def _settings(config: pytest.Config) -> CampaignSettings:
    from conformance.campaign import CampaignSettings
    from conformance.cli.options import Duration
    from conformance.generate.drivers import UnknownDriver, find_driver
    from conformance.generate.profiles import UnknownProfile, find_profile
    from conformance.judge.laws import UnknownLaw, find_laws

    time = config.getoption("conformance_time")
    laws = tuple(config.getoption("laws").split(","))
    try:
        find_profile(config.getoption("profile"))
        find_driver(config.getoption("driver"))
        find_laws(laws)
    except (UnknownProfile, UnknownDriver, UnknownLaw) as error:
        raise pytest.UsageError(str(error)) from None
    return CampaignSettings(
        subject=config.getoption("subject"),
        seed=config.getoption("seed"),
        max_programs=None if time else config.getoption("max_programs"),
        seconds=Duration().convert(time, None, None) if time else None,
        profile=config.getoption("profile"),
        driver=config.getoption("driver"),
        laws=laws,
        jobs=config.getoption("jobs"),
    )


def _trial(config: pytest.Config) -> Trial:
    from conformance.subjects.base import SubjectUnavailable
    from conformance.subjects.registry import UnknownSubject
    from conformance.trial import Trial

    try:
        return Trial(_settings(config))
    except (SubjectUnavailable, UnknownSubject) as error:
        raise pytest.UsageError(str(error)) from None


@pytest.fixture(scope="session")
def conformance_trial(pytestconfig: pytest.Config) -> Trial:
    """The subject and the reference of its version."""
    return _trial(pytestconfig)


@pytest.fixture(scope="session")
def conformance_run(pytestconfig: pytest.Config) -> Run:
    """The campaign of this session."""
    from conformance.campaign import run_campaign

    return run_campaign(_settings(pytestconfig))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The examples of known deviations must fail, as long as the deviation is known for the subject's version."""
    examples = [i for i in items if i.path.name == _CASES and i.name.startswith("test_example[")]
    if not examples:
        return
    trial = _trial(config)
    for item in examples:
        deviation = trial.specs.deviations.get(item.name.partition("[")[2].rstrip("]"))
        if deviation is not None and trial.version in deviation.versions and trial.settings.subject != "reference":
            item.add_marker(pytest.mark.xfail(strict=True, reason=f"known deviation: {deviation.title}"))
