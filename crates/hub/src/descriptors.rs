//! How many sockets this process may hold.

/// Descriptors that connections leave to the rest of the process: SQLite's readers, journals and copies, the admin socket, and a
/// desktop around the hub.
const RESERVED: usize = 256;

/// Raises the soft limit of descriptors towards what `connections` need, as far as the hard limit allows. Returns how many
/// connections fit under the limit then, at most `connections`.
#[cfg(unix)]
pub fn make_room_for(connections: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current else {
        return connections;
    };
    let needed = u64::try_from(connections.saturating_add(RESERVED)).unwrap_or(u64::MAX);
    let target = limit.maximum.map_or(needed, |most| most.min(needed));
    if current >= target {
        return room(connections, current);
    }
    let raised = Rlimit {
        current: Some(target),
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => room(connections, target),
        Err(error) => {
            tracing::warn!(%error, descriptors = current, "the limit of descriptors cannot be raised");
            room(connections, current)
        }
    }
}

/// Sockets are not counted among descriptors here.
#[cfg(not(unix))]
pub fn make_room_for(connections: usize) -> usize {
    connections
}

/// A process with very few descriptors gives half of them to connections.
#[cfg(unix)]
fn room(connections: usize, descriptors: u64) -> usize {
    let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
    let reserved = RESERVED.min(descriptors / 2);
    connections.min(descriptors - reserved).max(1)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_to_the_rest_of_the_process() {
        let cases = [
            (20_000, 65_536, 20_000),
            (20_000, 1_024, 768),
            (20_000, 256, 128),
            (10, 1_024, 10),
            (20_000, 0, 1),
        ];
        for (connections, descriptors, expected) in cases {
            assert_eq!(room(connections, descriptors), expected, "{descriptors}");
        }
    }
}
