//! The addresses under which other computers can reach this one.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use serde::Serialize;

/// An address of this computer on a network.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkAddress {
    /// The address as links carry it: IPv6 in brackets.
    pub host: String,
    /// The network interface's name, for example `eth0`.
    pub network: String,
}

/// A documentation address (RFC 5737): only routes to it are looked up, nothing is sent.
const ROUTE_PROBE: &str = "192.0.2.1:9";

/// Returns the addresses that another computer could use, IPv4 first. Empty if there is no network, or the system does not list them.
pub fn addresses() -> Vec<NetworkAddress> {
    let found = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the system does not list its addresses");
        Vec::new()
    });
    let mut usable: Vec<(IpAddr, String)> = found
        .into_iter()
        .map(|interface| (interface.ip(), interface.name))
        .filter(|(address, _)| is_usable(*address))
        .collect();
    usable.sort_by_key(|(address, network)| (address.is_ipv6(), network.clone()));
    usable.dedup();
    let named = usable.into_iter().map(|(address, network)| NetworkAddress {
        host: host(address),
        network,
    });
    named.collect()
}

/// Returns the address to suggest first: the source address of this computer's traffic to the internet, else the first of the list.
pub fn preferred(addresses: &[NetworkAddress]) -> Option<String> {
    let routed = routed_address().map(host);
    let is_there = |host: &String| addresses.iter().any(|address| address.host == *host);
    routed
        .filter(is_there)
        .or_else(|| addresses.first().map(|address| address.host.clone()))
}

/// Link-local addresses are unusable: they need an interface name, which differs on the other computer.
fn is_usable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local() && !v4.is_unspecified(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local() && !v6.is_unspecified(),
    }
}

fn host(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}

/// Returns the source address of this computer's traffic to the internet. Asks the system's routes and sends nothing.
fn routed_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect(ROUTE_PROBE).ok()?;
    socket.local_addr().ok().map(|local: SocketAddr| local.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_mean_the_same_elsewhere_are_usable() {
        let usable = |address: &str| is_usable(address.parse().unwrap());
        assert!(usable("192.168.1.7") && usable("2001:db8::7") && usable("fd00::7"));
        for address in [
            "127.0.0.1",
            "169.254.3.4",
            "0.0.0.0",
            "::1",
            "fe80::1",
            "::",
        ] {
            assert!(!usable(address), "{address}");
        }
        assert_eq!(host("2001:db8::7".parse().unwrap()), "[2001:db8::7]");
    }

    #[test]
    fn a_computer_without_the_routed_address_begins_with_its_first_one() {
        assert_eq!(preferred(&[]), None);
        let only = NetworkAddress {
            host: "203.0.113.9".to_owned(),
            network: "eth9".to_owned(),
        };
        assert_eq!(preferred(&[only]).as_deref(), Some("203.0.113.9"));
    }
}
