"""The login in a real browser, at a real OpenID provider that is shaped like Cognito."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from browser.logins import (
    SwitchedProxy,
    expect_login_page,
    log_in,
    login_settings,
    require_provider,
    running_provider,
)
from browser.studio import chromium, launched, running_studio, settled
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright
from servers import free_port

from prompt_app.settings import Settings
from prompt_app.workbench import open_workbench

pytestmark = pytest.mark.xdist_group("browser")


class Replicas:
    """Two studios over one store with one cookie secret, behind a proxy at ``url``."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.provider = stack.enter_context(running_provider(free_port(), self.url))
        self.settings = login_settings(self.url, self.provider)
        self._folder = folder
        self.ports = [free_port(), free_port()]
        self._running = [self._start(port) for port in self.ports]
        self.proxy = stack.enter_context(SwitchedProxy(port, self.ports[0]))
        stack.callback(lambda: [each.close() for each in self._running])

    def restart(self, which: int) -> None:
        self._running[which].close()
        self._running[which] = self._start(self.ports[which])

    def _start(self, port: int) -> ExitStack:
        running = ExitStack()
        running.enter_context(running_studio(self._folder, port, self.settings, worker=False))
        return running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("login")


@pytest.fixture(scope="module")
def run_id(folder: Path) -> str:
    workbench = open_workbench(Settings(data_dir=folder / "data"))
    workbench.load_examples()
    run_id = workbench.submit_evaluation(workbench.example_evaluation()).run_ids[0]
    workbench.pause(run_id)
    workbench.close()
    return run_id


@pytest.fixture(scope="module")
def replicas(folder: Path, run_id: str) -> Iterator[Replicas]:
    require_provider()
    if chromium() is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with ExitStack() as stack:
        yield Replicas(folder, stack)


@pytest.fixture(scope="module")
def browser(replicas: Replicas) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = launched(playwright)
        yield opened
        opened.close()


@pytest.fixture
def new_visitor(browser: Browser) -> Iterator[Callable[[], BrowserContext]]:
    """People with no cookies yet."""
    contexts: list[BrowserContext] = []

    def opened() -> BrowserContext:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 900}))
        return contexts[-1]

    yield opened
    for context in contexts:
        context.close()


NewVisitor = Callable[[], BrowserContext]


def test_a_deep_link_leads_through_the_login_to_its_page(
    replicas: Replicas, new_visitor: NewVisitor, run_id: str
) -> None:
    page = new_visitor().new_page()
    page.goto(f"{replicas.url}/run?id={run_id}")
    expect_login_page(page)
    log_in(page, "ada")
    assert page.url == f"{replicas.url}/run?id={run_id}"
    expect(page.get_by_role("heading", level=1)).to_contain_text("offline")
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_text("Ada Admin")).to_be_visible()
    expect(page.get_by_text("admin", exact=True)).to_be_visible()


def test_a_viewer_sees_everything_and_is_offered_nothing_that_changes_it(
    replicas: Replicas, new_visitor: NewVisitor, run_id: str
) -> None:
    page = new_visitor().new_page()
    page.goto(f"{replicas.url}/run?id={run_id}")
    log_in(page, "vi")
    expect(page.get_by_role("heading", level=1)).to_contain_text("offline")
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)
    page.goto(f"{replicas.url}/evaluate")
    expect(page.get_by_text("Only editors and admins may start evaluations")).to_be_visible()
    page.goto(replicas.url)
    expect(page.get_by_text("Running now")).to_be_visible()
    expect(page.get_by_role("button", name="New evaluation")).to_have_count(0)


def test_someone_without_a_role_is_refused(replicas: Replicas, new_visitor: NewVisitor) -> None:
    page = new_visitor().new_page()
    page.goto(f"{replicas.url}/runs")
    log_in(page, "nobody")
    expect(page.get_by_text("none of your groups gives you a role")).to_be_visible()
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    page.get_by_role("button", name="Log out").click()
    expect_login_page(page)


def test_a_login_ends_when_its_token_does(replicas: Replicas, new_visitor: NewVisitor) -> None:
    page = new_visitor().new_page()
    page.goto(replicas.url)
    log_in(page, "brief")
    expect(page.get_by_role("link", name="Runs")).to_be_visible()
    expect(page.get_by_text("Running now")).to_be_visible()  # it looks again by itself
    expect(page.get_by_text("Your login has ended")).to_be_visible()
    page.reload()
    expect_login_page(page)


def test_logging_out_ends_the_providers_session_too(
    replicas: Replicas, new_visitor: NewVisitor
) -> None:
    visitor = new_visitor()
    page = visitor.new_page()
    page.goto(f"{replicas.url}/settings")
    log_in(page, "ed")
    kept = visitor.cookies()
    other = visitor.new_page()  # another window of the same login
    other.goto(f"{replicas.url}/runs")
    expect(other.get_by_role("heading", level=1)).to_have_text("Runs")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(f"{replicas.url}/")
    expect_login_page(page)
    names = {cookie["name"] for cookie in visitor.cookies()}
    assert not {name for name in names if name.startswith(("_streamlit_user", "_session"))}
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_placeholder("Enter any login")).to_be_visible()  # asked anew
    expect(other.get_by_text("You have logged out")).to_be_visible()  # it looks again by itself
    thief = new_visitor()
    thief.add_cookies([each for each in kept if each["name"].startswith("_streamlit")])  # type: ignore[misc]
    assert thief.request.get(f"{replicas.url}/made/anything").status == 401


def test_logging_out_at_a_provider_of_the_standard(browser: Browser, tmp_path: Path) -> None:
    """By its end_session_endpoint; the groups come in the claim that most providers use."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        provider = stack.enter_context(running_provider(free_port(), url, "standard"))
        settings = login_settings(url, provider, "standard")
        stack.enter_context(running_studio(tmp_path, port, settings, worker=False))
        context = stack.enter_context(closing(browser.new_context()))
        page = context.new_page()
        page.goto(f"{url}/settings")
        log_in(page, "ed")
        expect(page.get_by_text("editor", exact=True)).to_be_visible()
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url(f"{url}/**")
        expect_login_page(page)
        expect(page.get_by_text("did not work")).to_be_hidden()
        # Not only here: whoever logs in next on this machine is asked who they are.
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_placeholder("Enter any login")).to_be_visible()


def test_any_replica_goes_on_with_the_login_also_after_a_restart(
    replicas: Replicas, new_visitor: NewVisitor, run_id: str
) -> None:
    page = new_visitor().new_page()
    page.goto(f"{replicas.url}/run?id={run_id}")
    settled(page)
    page.get_by_role("button", name="Log in").click()
    page.get_by_placeholder("Enter any login").fill("ed")
    page.get_by_placeholder("and password").fill("anything")
    replicas.proxy.switch(replicas.ports[1])  # another replica gets the callback
    page.get_by_role("button", name="Sign-in").click()
    page.wait_for_url(f"{replicas.url}/run?id={run_id}")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    replicas.proxy.switch(replicas.ports[0])  # and the open page moves back
    settled(page)
    page.reload()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    replicas.restart(0)
    page.reload()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    replicas.proxy.switch(replicas.ports[0])


def test_a_forged_cookie_is_nobodys(replicas: Replicas, new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    page = visitor.new_page()
    page.goto(replicas.url)
    log_in(page, "vi")
    cookie = next(each for each in visitor.cookies() if each["name"] == "_streamlit_user")
    assert cookie["httpOnly"]
    value = str(cookie["value"])
    middle = len(value) // 2
    forged = value[:middle] + ("A" if value[middle] != "A" else "B") + value[middle + 1 :]
    visitor.add_cookies([{**cookie, "value": forged}])
    page.reload()
    expect_login_page(page)


def test_only_an_admin_downloads_everything(replicas: Replicas, new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    page = visitor.new_page()
    page.goto(f"{replicas.url}/settings")
    log_in(page, "ed")
    expect(page.get_by_text("Admins can take all data away")).to_be_visible()
    expect(page.get_by_role("button", name="Download a backup")).to_be_hidden()

    admin = new_visitor()
    page = admin.new_page()
    page.goto(f"{replicas.url}/settings")
    log_in(page, "ada")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download a backup").click()
    assert download.value.path().read_bytes().startswith(b"SQLite format 3")
    address = download.value.url
    given = admin.request.get(address)
    assert given.status == 200
    assert "attachment" in given.headers["content-disposition"]
    assert visitor.request.get(address).status == 404
    assert new_visitor().request.get(address).status == 401
    crossing = admin.request.get(address, headers={"Sec-Fetch-Site": "cross-site"})
    assert crossing.status == 403


def test_a_page_of_the_studio_may_call_pipelines_as_who_is_logged_in(
    replicas: Replicas, new_visitor: NewVisitor
) -> None:
    visitor = new_visitor()
    address = f"{replicas.url}/api/pipeline/args?pipeline_name=none"
    assert visitor.request.get(address, headers={"Origin": replicas.url}).status == 401
    page = visitor.new_page()
    page.goto(replicas.url)
    log_in(page, "ed")
    assert visitor.request.get(address, headers={"Origin": replicas.url}).status == 404
    elsewhere = {"Origin": "https://elsewhere.example.com"}
    assert visitor.request.get(address, headers=elsewhere).status == 401
