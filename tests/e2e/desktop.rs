//! The desktop as a person uses it: a window, a profile, a mouse and a keyboard.

use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use baton_testkit::{Child, eventually};
use fantoccini::Locator;
use fantoccini::elements::Element;
use serde_json::Value;

use crate::driver::{Driver, Seat};
use crate::programs::Place;
use crate::screen::Screen;
use crate::title_bar;

/// How long nothing at all may change. A small model on two busy cores is slow to give its first word.
pub const LIMIT: Duration = Duration::from_secs(90);

/// How long a wait may take in all, even if the screen keeps changing: no answer of a test takes that long.
const LIMIT_IN_ALL: Duration = Duration::from_secs(600);

/// The time between two looks at the screen.
const PAUSE: Duration = Duration::from_millis(20);

/// An open window.
pub struct Desktop {
    driver: Driver,
    profile: String,
    root: PathBuf,
    seat: Seat,
}

impl Desktop {
    /// Opens the application with a profile. With a link, a profile that has no hub yet links itself.
    pub async fn start(root: &Path, profile: &str, link: Option<&str>) -> Self {
        Self::start_at(Seat::HERE, root, profile, link).await
    }

    /// Opens it on another machine. The keyring is out of reach there, so the token is kept in a file.
    pub async fn start_at(seat: Seat, root: &Path, profile: &str, link: Option<&str>) -> Self {
        let mut arguments = vec![
            "--profile".to_owned(),
            profile.to_owned(),
            "--data-root".to_owned(),
            root.to_string_lossy().into_owned(),
        ];
        if let Some(link) = link {
            arguments.extend(["--link".to_owned(), link.to_owned()]);
        }
        if matches!(seat.place, Place::Namespace(_)) {
            arguments.push("--insecure-token-file".to_owned());
        }
        let application = Path::new(env!("CARGO_BIN_EXE_baton"));
        let driver = Driver::start(&seat, application, &arguments).await;
        Self {
            driver,
            seat,
            profile: profile.to_owned(),
            root: root.to_owned(),
        }
    }

    /// Opens the same profile again after it was closed or killed.
    pub async fn start_again(&self) -> Self {
        Self::start_at(self.seat.clone(), &self.root, &self.profile, None).await
    }

    /// Returns the profile's folder.
    pub fn folder(&self) -> PathBuf {
        self.root.join(&self.profile)
    }

    /// Sends SIGKILL to the application, its webview and its driver.
    pub async fn kill_9(&mut self) {
        self.driver.kill_9().await;
    }

    /// Closes the window as a person does, and waits until the application has ended on its own.
    pub async fn close(mut self) {
        self.close_window().await;
        self.ended().await;
    }

    /// Closes the window as a person does, and waits until it is gone. The application may have work to finish.
    pub async fn close_window(&mut self) {
        let title = self.title();
        // A window that is being created does not listen yet, so the request is repeated while the window is there.
        eventually(LIMIT, "the window is gone", || async {
            (!title_bar::ask_to_close(&title)).then_some(())
        })
        .await;
    }

    /// Starts the application again with the same profile, as a person does who sees no window, and waits until there is a window.
    pub async fn start_second(&self) {
        let mut second = std::process::Command::new(env!("CARGO_BIN_EXE_baton"));
        second.args(["--profile", &self.profile, "--data-root"]);
        second.arg(&self.root);
        let mut second = Child::spawn(second);
        eventually(LIMIT, "a window again", || async {
            title_bar::is_open(&self.title()).then_some(())
        })
        .await;
        second.wait_exit().await;
    }

    fn title(&self) -> String {
        match self.profile.as_str() {
            "default" => "Baton".to_owned(),
            profile => format!("Baton · {profile}"),
        }
    }

    /// Whether the application runs, with a window or without.
    pub fn holds_profile(&self) -> bool {
        fs::File::open(self.folder().join("lock"))
            .is_ok_and(|file| matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock)))
    }

    /// Waits until the application has ended on its own.
    pub async fn ended(&mut self) {
        eventually(LIMIT, "the application gives its profile back", || async {
            (!self.holds_profile()).then_some(())
        })
        .await;
        self.driver.kill_9().await;
    }

    /// Returns what the screen holds; `None` while the page is loading.
    pub async fn screen(&self) -> Option<Screen> {
        let script = "return window.__batonInspect ? window.__batonInspect() : null";
        match self.driver.client.execute(script, Vec::new()).await {
            Ok(Value::Null) => None,
            Ok(held) => Some(Screen(held)),
            Err(error) => panic!(
                "{} does not answer: {error}\n{}",
                self.profile,
                self.driver.said()
            ),
        }
    }

    /// Waits until `pick` accepts what the screen holds.
    pub async fn wait<T>(&self, what: &str, pick: impl Fn(&Screen) -> Option<T>) -> T {
        self.until(what, async || self.screen().await.as_ref().and_then(&pick))
            .await
    }

    /// Polls until the probe returns a value, as long as the screen changes now and then. A failure saves a picture and reports what the
    /// screen held.
    async fn until<T>(&self, what: &str, probe: impl AsyncFn() -> Option<T>) -> T {
        let (begun, mut held) = (Instant::now(), None);
        let mut changed = begun;
        while changed.elapsed() < LIMIT && begun.elapsed() < LIMIT_IN_ALL {
            let look = async { (probe().await, self.screen().await) };
            let Ok((found, now)) = tokio::time::timeout(LIMIT, look).await else {
                break;
            };
            if let Some(found) = found {
                return found;
            }
            if now != held {
                (held, changed) = (now, Instant::now());
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.screenshot(&format!("failed-{}", self.profile)).await;
        panic!(
            "nothing has changed for {LIMIT:?}, or for too long not this: {what} on {}\n{held:#?}\n{}",
            self.profile,
            self.driver.said()
        )
    }

    /// Waits until `pick` returns exactly the expected value.
    pub async fn wait_equal<T: PartialEq + Debug>(
        &self,
        what: &str,
        expected: &T,
        read: impl Fn(&Screen) -> T,
    ) {
        self.wait(what, |screen| (read(screen) == *expected).then_some(()))
            .await;
    }

    /// Waits until an element with this `data-testid` is drawn.
    pub async fn element(&self, test_id: &str) -> Element {
        self.find(&format!("[data-testid=\"{test_id}\"]")).await
    }

    /// Waits until an element that matches this CSS selector is drawn.
    pub async fn find(&self, css: &str) -> Element {
        self.until(&format!("`{css}`"), async || self.look(css).await)
            .await
    }

    async fn look(&self, css: &str) -> Option<Element> {
        self.driver.client.find(Locator::Css(css)).await.ok()
    }

    /// Waits until `pick` accepts the text of the element with this `data-testid`.
    pub async fn wait_text(&self, test_id: &str, what: &str, pick: impl Fn(&str) -> bool) {
        let script =
            "return document.querySelector(`[data-testid=\"${arguments[0]}\"]`)?.textContent ?? ''";
        self.until(&format!("{what} in `{test_id}`"), async || {
            let asked = self.driver.client.execute(script, vec![test_id.into()]);
            asked.await.ok()?.as_str().is_some_and(&pick).then_some(())
        })
        .await
    }

    /// Waits until the box with this `data-testid` holds exactly this text.
    pub async fn wait_value(&self, test_id: &str, expected: &str) {
        let script = "return document.querySelector(`[data-testid=\"${arguments[0]}\"]`)?.value";
        self.until(&format!("{expected:?} in `{test_id}`"), async || {
            let asked = self.driver.client.execute(script, vec![test_id.into()]);
            (asked.await.ok()?.as_str()? == expected).then_some(())
        })
        .await
    }

    /// Presses the element with this `data-testid`.
    pub async fn press(&self, test_id: &str) {
        self.press_css(&format!("[data-testid=\"{test_id}\"]"))
            .await;
    }

    /// Presses the element that matches this CSS selector, once it can be pressed.
    pub async fn press_css(&self, css: &str) {
        self.until(&format!("`{css}` that can be pressed"), async || {
            let element = self.look(css).await?;
            if !element.is_enabled().await.ok()? {
                return None;
            }
            element.click().await.ok()
        })
        .await;
    }

    /// Types into the element with this `data-testid`.
    pub async fn type_into(&self, test_id: &str, text: &str) {
        let element = self.element(test_id).await;
        element.send_keys(text).await.expect("it takes keys");
    }

    /// Sends a prompt from the composer with its present settings, as a person does.
    pub async fn send(&self, text: &str) {
        self.type_into("composer", text).await;
        self.press("send").await;
    }

    /// Sends a prompt during a run, with this delivery: `steer`, `queue` or `interrupt`.
    pub async fn send_as(&self, delivery: &str, text: &str) {
        let css = format!("label:has([data-testid=\"delivery-{delivery}\"])");
        self.press_css(&css).await;
        self.find(&format!(
            "[data-testid=\"send\"][data-delivery=\"{delivery}\"]"
        ))
        .await;
        self.send(text).await;
    }

    /// Starts a session with this prompt, and returns its id.
    pub async fn begin(&self, prompt: &str) -> String {
        self.press("new-session").await;
        self.send(prompt).await;
        self.wait("a new session", |screen| {
            screen.open_session().map(str::to_owned)
        })
        .await
    }

    /// Opens a session from the list.
    pub async fn open(&self, session: &str) {
        self.press(&format!("session-row-{session}")).await;
    }

    /// Saves a picture of the window in `target/e2e-screens`. Never fails a test.
    pub async fn screenshot(&self, name: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/e2e-screens");
        fs::create_dir_all(&folder).expect("a folder for screenshots");
        let drawing = async {
            self.driver.client.execute(KEEP_DRAWING, Vec::new()).await?;
            self.driver.client.screenshot().await
        };
        match tokio::time::timeout(Duration::from_secs(10), drawing).await {
            Ok(Ok(png)) => {
                fs::write(folder.join(format!("{name}.png")), png)
                    .expect("a screenshot can be kept");
            }
            Ok(Err(error)) => eprintln!("no picture `{name}`: {error}"),
            Err(_) => eprintln!("no picture `{name}` in time"),
        }
    }
}

/// Keeps the page drawing: WebKit's screenshot waits for the next frame, which never comes for a covered window with nothing to draw.
const KEEP_DRAWING: &str = "
    const end = performance.now() + 3000;
    const draw = (now) => {
        document.body.style.opacity = now < end ? (Math.round(now) % 2 ? '0.999' : '1') : '';
        if (now < end) requestAnimationFrame(draw);
    };
    requestAnimationFrame(draw);
";
