//! The address under which others find the hub: what link codes contain.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// Addresses that are never asked, only routed to: one for documentation and one of each private range.
const ROUTE_PROBES: [&str; 4] = [
    "192.0.2.1:9",
    "10.255.255.254:9",
    "172.31.255.254:9",
    "192.168.255.254:9",
];

/// `host:port` for link codes: the public name, with the port that is listened on where it has none; else the address itself.
/// None where the hub listens on every address and none of them leads anywhere.
pub fn authority(public_name: Option<&str>, listening: SocketAddr) -> Option<String> {
    match public_name {
        Some(name) if has_port(name) => Some(name.to_owned()),
        Some(name) => Some(format!("{name}:{}", listening.port())),
        None if listening.ip().is_unspecified() => {
            let address = first_routed_address().ok().flatten()?;
            Some(SocketAddr::new(address, listening.port()).to_string())
        }
        None => Some(listening.to_string()),
    }
}

fn has_port(name: &str) -> bool {
    name.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !host.ends_with(':') && port.parse::<u16>().is_ok()
    })
}

/// The address from which this computer would speak to a network. Nothing is sent.
fn first_routed_address() -> io::Result<Option<IpAddr>> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    let routed = ROUTE_PROBES
        .iter()
        .filter(|probe| socket.connect(probe).is_ok());
    let mut addresses = routed
        .filter_map(|_| socket.local_addr().ok())
        .map(|local| local.ip());
    Ok(addresses.find(|address| !address.is_loopback() && !address.is_unspecified()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_name_gets_the_port_unless_it_has_one() {
        let listening: SocketAddr = "0.0.0.0:7420".parse().unwrap();
        let named = |name| authority(Some(name), listening).unwrap();
        assert_eq!(named("hub.example"), "hub.example:7420");
        assert_eq!(named("hub.example:443"), "hub.example:443");
        assert_eq!(named("[2001:db8::1]"), "[2001:db8::1]:7420");
        assert_eq!(named("[2001:db8::1]:443"), "[2001:db8::1]:443");
        assert_eq!(
            authority(None, "127.0.0.1:80".parse().unwrap()).unwrap(),
            "127.0.0.1:80"
        );
    }
}
