//! Machines for tests: network namespaces on a bridge, whose connections can be cut without a FIN or an RST.

use std::process::Command;

/// A bridge with machines that have addresses of their own. Removed on drop.
pub struct Network {
    tag: String,
    machines: Vec<String>,
    subnet: u8,
}

fn ip(words: &[&str]) {
    let output = Command::new("ip")
        .args(words)
        .output()
        .expect("`ip` of iproute2 is installed: cargo xtask setup");
    assert!(
        output.status.success(),
        "ip {words:?} (network namespaces need root): {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

impl Network {
    /// Creates the bridge, in a namespace of its own. `subnet` distinguishes networks on one host.
    pub fn new(subnet: u8) -> Self {
        let tag = format!("bt{subnet}x{}", std::process::id() % 100_000);
        let bridge = format!("{tag}-net");
        ip(&["netns", "add", &bridge]);
        ip(&["-n", &bridge, "link", "add", "br0", "type", "bridge"]);
        ip(&["-n", &bridge, "link", "set", "br0", "up"]);
        Self {
            tag,
            machines: Vec::new(),
            subnet,
        }
    }

    fn bridge(&self) -> String {
        format!("{}-net", self.tag)
    }

    fn address(&self, host: usize) -> String {
        format!("10.213.{}.{host}", self.subnet)
    }

    /// Adds a machine, and returns its namespace's name and its address.
    pub fn machine(&mut self) -> (String, String) {
        let host = self.machines.len() + 1;
        let name = format!("{}-{host}", self.tag);
        ip(&["netns", "add", &name]);
        self.machines.push(name.clone());
        let (bridge, port) = (self.bridge(), format!("p{host}"));
        ip(&[
            "link", "add", "eth0", "netns", &name, "type", "veth", "peer", "name", &port, "netns",
            &bridge,
        ]);
        ip(&["-n", &bridge, "link", "set", &port, "master", "br0", "up"]);
        let address = self.address(host);
        ip(&[
            "-n",
            &name,
            "addr",
            "add",
            &format!("{address}/24"),
            "dev",
            "eth0",
        ]);
        ip(&["-n", &name, "link", "set", "eth0", "up"]);
        ip(&["-n", &name, "link", "set", "lo", "up"]);
        (name, address)
    }

    /// Adds a second connection from the test's host to a machine, to drive it while the first one is cut. Returns the machine's address on
    /// it.
    #[allow(dead_code)]
    pub fn control_line(&self, machine: &str) -> String {
        let host = self.host_of(machine);
        let (near, subnet) = (format!("{}c{host}", self.tag), 100 + self.subnet);
        ip(&[
            "link", "add", &near, "type", "veth", "peer", "name", "ctl0", "netns", machine,
        ]);
        let (here, there) = (
            format!("10.{subnet}.{host}.1/30"),
            format!("10.{subnet}.{host}.2"),
        );
        ip(&["addr", "add", &here, "dev", &near]);
        ip(&["link", "set", &near, "up"]);
        ip(&[
            "-n",
            machine,
            "addr",
            "add",
            &format!("{there}/30"),
            "dev",
            "ctl0",
        ]);
        ip(&["-n", machine, "link", "set", "ctl0", "up"]);
        there
    }

    /// Returns the address of the test's own host on this network, once it has joined.
    #[allow(dead_code)]
    pub fn host_address(&self) -> String {
        self.address(254)
    }

    /// Joins the test's own host: the model server and its witness run there.
    #[allow(dead_code)]
    pub fn join(&self) {
        let (near, bridge) = (format!("{}h", self.tag), self.bridge());
        ip(&[
            "link", "add", &near, "type", "veth", "peer", "name", "host0", "netns", &bridge,
        ]);
        ip(&["-n", &bridge, "link", "set", "host0", "master", "br0", "up"]);
        ip(&[
            "addr",
            "add",
            &format!("{}/24", self.address(254)),
            "dev",
            &near,
        ]);
        ip(&["link", "set", &near, "up"]);
    }

    /// Unplugs a machine at the bridge: its own end still looks connected, but nothing arrives any more.
    pub fn cut(&self, machine: &str) {
        ip(&[
            "-n",
            &self.bridge(),
            "link",
            "set",
            &self.port(machine),
            "nomaster",
        ]);
    }

    pub fn mend(&self, machine: &str) {
        ip(&[
            "-n",
            &self.bridge(),
            "link",
            "set",
            &self.port(machine),
            "master",
            "br0",
        ]);
    }

    fn port(&self, machine: &str) -> String {
        format!("p{}", self.host_of(machine))
    }

    fn host_of(&self, machine: &str) -> usize {
        let place = self.machines.iter().position(|name| name == machine);
        place.expect("a machine of this network") + 1
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in self.machines.iter().chain([&self.bridge()]) {
            // A failure to remove a namespace must not hide why the test failed.
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}
