//! `baton-hub restore`.

use baton_hub::backup;
use baton_hub::{Clock as _, LogBackend, SystemClock};

use super::arguments::Restore;
use super::block_on;

/// Restores a backup and says what is in it.
pub fn restore(arguments: &Restore, backend: LogBackend) -> anyhow::Result<()> {
    let data_dir = std::path::absolute(&arguments.data)?;
    let now = SystemClock.now();
    let restoring = backup::restore(&arguments.from, &data_dir, now, backend);
    let (manifest, rehearsal) = block_on(restoring)??;
    if arguments.json {
        let line = serde_json::json!({
            "data": data_dir,
            "madeAt": manifest.made_at,
            "madeBy": manifest.made_by,
            "sessions": rehearsal.sessions,
            "events": rehearsal.events,
            "linked": rehearsal.linked,
        });
        println!("{line}");
    } else {
        println!(
            "{}: {} sessions, {} events, {} linked, every log with a new identity",
            data_dir.display(),
            rehearsal.sessions,
            rehearsal.events,
            rehearsal.linked
        );
    }
    // On standard error: it is for a person, not a result.
    eprintln!(
        "Who was revoked after the backup was made has access again, and who was linked after it must be linked again: look at \
         `baton-hub devices`."
    );
    Ok(())
}
