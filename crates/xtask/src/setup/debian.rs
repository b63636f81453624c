//! Debian and its descendants: what is installed, and installing the rest.

use std::fs;

use anyhow::{Context as _, Result, bail};

use super::needs::Need;
use crate::console::say;
use crate::process;

/// Whether this machine has apt and calls itself Debian or a descendant of it.
pub fn is_debian() -> bool {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    names_debian(&release)
        && process::on_path("apt-get").is_some()
        && process::on_path("dpkg-query").is_some()
}

fn names_debian(os_release: &str) -> bool {
    os_release
        .lines()
        .filter_map(|line| {
            line.strip_prefix("ID=")
                .or_else(|| line.strip_prefix("ID_LIKE="))
        })
        .flat_map(|value| value.trim_matches('"').split_whitespace())
        .any(|name| name == "debian" || name == "ubuntu")
}

/// The packages that are not installed.
pub fn missing(needs: &[Need]) -> Result<Vec<&'static str>> {
    let mut query = process::command("dpkg-query");
    query.args(["-W", "-f", "${Package} ${db:Status-Status}\n"]);
    query.args(needs.iter().map(|need| need.package));
    // It fails when it does not know one of the names; what it prints of the others is right all the same.
    let answer = query.output().context("cannot start dpkg-query")?;
    let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
    Ok(needs
        .iter()
        .filter(|need| !is_installed(&answer, need.package) && !need.is_met_without_package())
        .map(|need| need.package)
        .collect())
}

fn is_installed(answer: &str, package: &str) -> bool {
    answer
        .lines()
        .any(|line| line.split_once(' ') == Some((package, "installed")))
}

/// Installs them with apt, as root or by sudo.
pub fn install(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    say(&format!(
        "installing {} Debian packages: {list}",
        packages.len()
    ));
    let by_hand = || format!("could not install the packages; by hand: apt-get install {list}");
    let mut update = apt()?;
    process::run(update.args(["-qq", "update"])).with_context(by_hand)?;
    let mut install = apt()?;
    process::run(
        install
            .args(["-qq", "install", "-y", "--no-install-recommends"])
            .args(packages),
    )
    .with_context(by_hand)
}

/// The major version that apt would install.
pub fn candidate_major(package: &str) -> Option<u32> {
    let answer = process::output(process::command("apt-cache").args(["policy", package])).ok()?;
    parse_candidate_major(&answer)
}

fn parse_candidate_major(policy: &str) -> Option<u32> {
    let version = policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    let upstream = version
        .split_once(':')
        .map_or(version, |(_, upstream)| upstream);
    upstream.split(['.', '-', '+', '~']).next()?.parse().ok()
}

fn apt() -> Result<std::process::Command> {
    let mut command = if rustix::process::geteuid().is_root() {
        process::command("env")
    } else if process::on_path("sudo").is_some() {
        say("by sudo, which may ask for your password");
        let mut sudo = process::command("sudo");
        sudo.arg("env");
        sudo
    } else {
        bail!("neither root nor sudo");
    };
    // Another installation may be under way: wait for it.
    command.args([
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-o",
        "DPkg::Lock::Timeout=900",
    ]);
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_count_and_others_do_not() {
        assert!(names_debian("NAME=x\nID=debian\n"));
        assert!(names_debian("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"));
        assert!(!names_debian("ID=fedora\nID_LIKE=\"rhel\"\n"));
    }

    #[test]
    fn a_removed_package_is_not_installed() {
        let answer = "cmake installed\nxvfb config-files\n";
        assert!(is_installed(answer, "cmake"));
        assert!(!is_installed(answer, "xvfb"));
        assert!(!is_installed(answer, "cma"));
    }

    #[test]
    fn candidate_versions_may_have_an_epoch() {
        assert_eq!(
            parse_candidate_major("nodejs:\n  Candidate: 1:20.19.2+dfsg-1\n"),
            Some(20)
        );
        assert_eq!(
            parse_candidate_major("nodejs:\n  Candidate: (none)\n"),
            None
        );
    }
}
