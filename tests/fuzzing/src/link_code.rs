//! Links as a person pastes them.

use baton_protocol::LinkCode;

/// Reads each line as a link.
///
/// # Panics
/// Where a link that was read is written as another one, or its addresses are no addresses.
pub fn link_code(data: &[u8]) {
    for line in crate::lines(data) {
        let Ok(link) = line.parse::<LinkCode>() else {
            continue;
        };
        assert_eq!(link.to_string().parse::<LinkCode>().as_ref(), Ok(&link));
        assert_eq!(link.secret.len(), 32);
        let path = link.hub.request_path("/v1/socket");
        assert!(path.starts_with('/') && path.ends_with("/v1/socket") && !path.contains("//"));
        // A fingerprint or a name may hold the same digits.
        let shown = format!("{link:?}").replace(&format!("{:?}", link.hub), "");
        assert!(!shown.contains(&link.secret));
    }
}
