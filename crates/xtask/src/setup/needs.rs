//! What each purpose needs from the system, with how to find out without a package manager.

use std::fmt;

use super::Purpose;
use crate::process;

/// Something from the system, under its Debian name.
#[derive(Debug, PartialEq)]
pub struct Need {
    /// The Debian package.
    pub package: &'static str,
    probe: Probe,
}

#[derive(Debug, PartialEq)]
enum Probe {
    /// Any of these programs will do, wherever it comes from.
    AnyProgram(&'static [&'static str]),
    /// A program that only counts if it is the distribution's own.
    Program(&'static str),
    PkgConfig(&'static str),
    /// Nothing to look for outside of Debian.
    None,
}

impl Need {
    /// Whether something other than the package does the job, so that the package need not be installed.
    pub fn is_met_without_package(&self) -> bool {
        match self.probe {
            Probe::AnyProgram(names) => names.iter().any(|name| process::on_path(name).is_some()),
            Probe::Program(_) | Probe::PkgConfig(_) | Probe::None => false,
        }
    }

    /// Whether it is there as far as one can tell on a machine that is no Debian. What cannot be told counts as there.
    pub fn is_met_by_probe(&self) -> bool {
        match self.probe {
            Probe::AnyProgram(_) => self.is_met_without_package(),
            Probe::Program(name) => process::on_path(name).is_some(),
            Probe::PkgConfig(module) => {
                process::succeeds(process::command("pkg-config").args(["--exists", module]))
            }
            Probe::None => true,
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.probe {
            Probe::AnyProgram(names) => {
                write!(f, "{} (one of: {})", self.package, names.join(", "))
            }
            Probe::Program(name) => write!(f, "{} (the program {name})", self.package),
            Probe::PkgConfig(module) => write!(f, "{} (pkg-config module {module})", self.package),
            Probe::None => f.write_str(self.package),
        }
    }
}

const fn need(package: &'static str, probe: Probe) -> Need {
    Need { package, probe }
}

const COMPILER: [Need; 3] = [
    need("build-essential", Probe::Program("cc")),
    need("pkg-config", Probe::Program("pkg-config")),
    need("cmake", Probe::Program("cmake")),
];

const DESKTOP_BUILD: [Need; 2] = [
    need("libwebkit2gtk-4.1-dev", Probe::PkgConfig("webkit2gtk-4.1")),
    need("libssl-dev", Probe::PkgConfig("openssl")),
];

/// Without it, building a tray at run time panics.
const TRAY: [Need; 1] = [need("libayatana-appindicator3-1", Probe::None)];

/// For the small model, and for the system tests' client in Python.
const PYTHON: [Need; 2] = [
    need("python3", Probe::Program("python3")),
    need("python3-venv", Probe::None),
];

/// What a hub stands behind in a system test.
const PROXY: [Need; 1] = [need("nginx-light", Probe::AnyProgram(&["nginx"]))];

const BROWSER: [Need; 1] = [need(
    "chromium",
    Probe::AnyProgram(&[
        "chromium",
        "google-chrome",
        "google-chrome-stable",
        "chromium-browser",
    ]),
)];

const WINDOWS: [Need; 12] = [
    need("xvfb", Probe::Program("Xvfb")),
    need("xauth", Probe::Program("xauth")),
    need("webkit2gtk-driver", Probe::Program("WebKitWebDriver")),
    need("imagemagick", Probe::Program("import")),
    need("x11-apps", Probe::Program("xwd")),
    need("gnome-keyring", Probe::Program("gnome-keyring-daemon")),
    need("libsecret-tools", Probe::Program("secret-tool")),
    need("dbus", Probe::Program("dbus-run-session")),
    need("fonts-dejavu-core", Probe::None),
    need("fonts-noto-cjk", Probe::None),
    need("fonts-noto-color-emoji", Probe::None),
    need("iproute2", Probe::Program("ip")),
];

/// Programs that the benchmarks compare with or measure by.
const BENCH: [Need; 4] = [
    need("redis-server", Probe::Program("redis-server")),
    need("strace", Probe::Program("strace")),
    need("python3", Probe::Program("python3")),
    need("python3-venv", Probe::None),
];

/// Everything that a purpose needs.
pub fn of(purpose: Purpose) -> Vec<Need> {
    let mut needs = Vec::new();
    if purpose != Purpose::Model {
        needs.extend(COMPILER);
    }
    if purpose == Purpose::Bench {
        needs.extend(BENCH);
    }
    if purpose.has_ui() {
        needs.extend(DESKTOP_BUILD);
    }
    if matches!(purpose, Purpose::Run | Purpose::RunOwnModel | Purpose::Test) {
        needs.extend(TRAY);
    }
    if purpose.has_model() || purpose.has_checks() {
        needs.extend(PYTHON);
    }
    if purpose.has_checks() {
        needs.extend(BROWSER);
        needs.extend(PROXY);
    }
    if purpose == Purpose::Test {
        needs.extend(WINDOWS);
    }
    needs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(purpose: Purpose) -> Vec<&'static str> {
        of(purpose).iter().map(|need| need.package).collect()
    }

    #[test]
    fn a_person_who_runs_it_gets_no_test_tools() {
        let run = packages(Purpose::Run);
        assert!(run.contains(&"libwebkit2gtk-4.1-dev") && run.contains(&"python3-venv"));
        assert!(!run.contains(&"xvfb") && !run.contains(&"chromium"));
    }

    #[test]
    fn a_terminal_needs_no_webview() {
        let headless = packages(Purpose::RunHeadless);
        assert!(
            headless.contains(&"build-essential") && !headless.contains(&"libwebkit2gtk-4.1-dev")
        );
        assert!(!packages(Purpose::RunHeadlessOwnModel).contains(&"python3"));
    }

    #[test]
    fn tests_need_everything_that_any_purpose_needs() {
        let test = packages(Purpose::Test);
        for purpose in [
            Purpose::Build,
            Purpose::Run,
            Purpose::RunHeadless,
            Purpose::Model,
            Purpose::Ci,
        ] {
            for package in packages(purpose) {
                assert!(test.contains(&package), "{package} of {purpose:?}");
            }
        }
    }
}
