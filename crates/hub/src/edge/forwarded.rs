//! Who is behind a reverse proxy.
//!
//! Any client can write an `X-Forwarded-For`, so it counts only as far as operators said whom they trust: read from the right, each hop is
//! the word of the one that is nearer to the hub.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::http::HeaderMap;

/// The header that proxies add the address of their peer to.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Proxies in a row. What names more of them is not read further.
const HOPS_MAX: usize = 16;

/// An address, or a network: `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressRange {
    network: IpAddr,
    bits: u32,
}

/// A text is no address and no network.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is neither an address nor a network such as `10.0.0.0/8`")]
pub struct ParseAddressRangeError(String);

impl FromStr for AddressRange {
    type Err = ParseAddressRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || ParseAddressRangeError(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let network: IpAddr = address.parse().map_err(|_| refused())?;
        let width = if network.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), str::parse).map_err(|_| refused())?;
        if bits > width {
            return Err(refused());
        }
        Ok(Self { network, bits })
    }
}

impl AddressRange {
    /// Whether an address is in it. An IPv4 address in IPv6 clothes is an IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let differing = match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                u128::from(network.to_bits() ^ address.to_bits()) << 96
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => network.to_bits() ^ address.to_bits(),
            _ => return false,
        };
        differing.leading_zeros() >= self.bits
    }
}

/// The address of a request's client: the last hop that is no trusted proxy, or the nearest one that can be read.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[AddressRange]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|range| range.contains(address));
    let values = headers.get_all(FORWARDED_FOR).iter().rev();
    let mut hops = values
        .flat_map(|value| value.to_str().unwrap_or_default().rsplit(','))
        .map(|hop| address_of(hop.trim()))
        .take(HOPS_MAX);
    let mut client = peer;
    while is_trusted(client) {
        match hops.next().flatten() {
            Some(hop) => client = hop,
            None => break,
        }
    }
    client
}

/// Some proxies write the port too.
fn address_of(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    let with_port = || hop.parse::<SocketAddr>().map(|address| address.ip());
    bare.parse().or_else(|_| with_port()).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(peer: &str, forwarded: &[&'static str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, HeaderValue::from_static(value));
        }
        let trusted: Vec<AddressRange> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_client_is_the_last_hop_that_is_no_trusted_proxy() {
        let proxies = ["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"];
        for (peer, forwarded, expected) in [
            ("127.0.0.1", &["203.0.113.9"][..], "203.0.113.9"),
            // What a client wrote itself stands further left.
            ("127.0.0.1", &["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
            ("127.0.0.1", &["203.0.113.9, 10.1.2.3"], "203.0.113.9"),
            ("127.0.0.1", &["203.0.113.9", "10.1.2.3"], "203.0.113.9"),
            ("::ffff:127.0.0.1", &["203.0.113.9:4711"], "203.0.113.9"),
            ("2001:db8::1", &["[2001:db9::5]:443"], "2001:db9::5"),
            ("2001:db8::1", &["[2001:db9::5]"], "2001:db9::5"),
            // Nothing that can be read: it is the proxy's own.
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &["unknown"], "127.0.0.1"),
            ("127.0.0.1", &["1.1.1.1, unknown, 10.0.0.1"], "10.0.0.1"),
            // A client whom the operator did not name.
            ("192.0.2.1", &["203.0.113.9"], "192.0.2.1"),
        ] {
            assert_eq!(
                client(peer, forwarded, &proxies),
                expected,
                "{peer} {forwarded:?}"
            );
        }
        assert_eq!(client("127.0.0.1", &["203.0.113.9"], &[]), "127.0.0.1");
    }

    #[test]
    fn a_range_is_an_address_or_a_network() {
        for bad in [
            "",
            "10.0.0.0/33",
            "2001:db8::/129",
            "10.0.0.0/-1",
            "proxy",
            "10.0.0.0/",
        ] {
            assert!(bad.parse::<AddressRange>().is_err(), "{bad}");
        }
        let contains = |range: &str, address: &str| {
            let range: AddressRange = range.parse().unwrap();
            range.contains(address.parse().unwrap())
        };
        assert!(contains("10.0.0.0/8", "10.255.0.1") && !contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("0.0.0.0/0", "11.0.0.1") && !contains("0.0.0.0/0", "2001:db8::1"));
        assert!(contains("2001:db8::/32", "2001:db8:9::1"));
        assert!(contains("192.0.2.7", "192.0.2.7") && !contains("192.0.2.7", "192.0.2.8"));
    }
}
