//! Works around drivers with which WebKitGTK's window stays blank.
//!
//! WebKitGTK shares buffers between its processes by DMA-BUF. With NVIDIA's proprietary driver the sharing fails without an error, on X11
//! and on Wayland, and the window stays white (tauri-apps/tauri#9304 and #9394). With other drivers the setting costs speed, so it is made
//! for that driver alone.

use std::ffi::OsStr;
use std::path::Path;

/// WebKitGTK's own setting. A value that the person has set takes precedence, whatever it is.
const SETTING: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";

/// Exists while NVIDIA's proprietary driver is loaded. The free driver, `nouveau`, is another module.
const NVIDIA_MODULE: &str = "sys/module/nvidia";

/// Whether the window would stay blank without the setting.
fn is_needed(system_root: &Path, kept: Option<&OsStr>) -> bool {
    kept.is_none() && system_root.join(NVIDIA_MODULE).exists()
}

/// Restarts this program with the setting if it is needed: the environment must be set before the first thread starts. Returns if the
/// setting is not needed or the program cannot be restarted.
#[cfg(target_os = "linux")]
pub fn choose() {
    use std::os::unix::process::CommandExt as _;

    if !is_needed(Path::new("/"), std::env::var_os(SETTING).as_deref()) {
        return;
    }
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    let error = std::process::Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(SETTING, "1")
        .exec();
    eprintln!("baton: the renderer for this driver could not be chosen: {error}");
}

/// Does nothing: other systems do not use WebKitGTK.
#[cfg(not(target_os = "linux"))]
pub fn choose() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_is_made_for_nvidias_own_driver_and_never_over_a_persons() {
        let root = tempfile::tempdir().unwrap();
        assert!(!is_needed(root.path(), None), "another driver");
        std::fs::create_dir_all(root.path().join("sys/module/nouveau")).unwrap();
        assert!(!is_needed(root.path(), None), "the free driver");
        std::fs::create_dir_all(root.path().join(NVIDIA_MODULE)).unwrap();
        assert!(is_needed(root.path(), None));
        for kept in ["0", "1", ""] {
            assert!(!is_needed(root.path(), Some(OsStr::new(kept))), "{kept:?}");
        }
    }
}
