//! Which addresses a request may go to: those of the internet alone. What a stranger wrote may name this machine, its
//! neighbours, or what tells programs of a cloud their secrets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// What of IPv4 is not the internet: IANA's registry of special-purpose addresses, and those that are no hosts.
const SPECIAL_V4: [&str; 15] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
];
/// What of IPv6 is given to hosts of the internet, and what is none of them all the same.
const GLOBAL_V6: &str = "2000::/3";
const SPECIAL_V6: [&str; 4] = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];
/// Behind these 96 bits a translator finds the IPv4 internet (RFC 6052).
const TRANSLATED: &str = "64:ff9b::/96";

/// The addresses that requests may go to.
#[derive(Debug, Clone)]
pub(crate) struct Reachable {
    special: Vec<IpNet>,
    global_v6: IpNet,
    translated: IpNet,
    permitted: Vec<IpNet>,
}

impl Reachable {
    /// The internet, and these networks.
    pub(crate) fn new(permitted: Vec<IpNet>) -> Self {
        let special = SPECIAL_V4.iter().chain(&SPECIAL_V6);
        Self {
            special: special.copied().map(network).collect(),
            global_v6: network(GLOBAL_V6),
            translated: network(TRANSLATED),
            permitted,
        }
    }

    /// Whether a request may go there.
    pub(crate) fn includes(&self, address: IpAddr) -> bool {
        // IPv4 as part of IPv6 is IPv4.
        let address = address.to_canonical();
        self.permitted
            .iter()
            .any(|network| network.contains(&address))
            || self.is_public(address)
    }

    fn is_public(&self, address: IpAddr) -> bool {
        if let IpAddr::V6(v6) = address
            && self.translated.contains(&address)
        {
            return self.is_public(IpAddr::V4(last_32_bits(v6)));
        }
        let is_global = address.is_ipv4() || self.global_v6.contains(&address);
        is_global
            && !self
                .special
                .iter()
                .any(|network| network.contains(&address))
    }
}

/// One of those above.
fn network(text: &str) -> IpNet {
    // One that were none would be caught by the tests, and until then keep everybody out.
    text.parse().unwrap_or_default()
}

fn last_32_bits(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_internet_is_reached() {
        let reachable = Reachable::new(Vec::new());
        let includes = |text: &str| reachable.includes(text.parse().unwrap());
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "99.255.255.255",
            "100.128.0.1",
            "172.32.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::200e",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert!(includes(public), "{public}");
        }
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.19.255.255",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!includes(private), "{private}");
        }
    }

    #[test]
    fn an_operator_may_permit_a_network() {
        let reachable = Reachable::new(vec!["10.0.0.0/24".parse().unwrap()]);
        assert!(reachable.includes("10.0.0.7".parse().unwrap()));
        assert!(reachable.includes("::ffff:10.0.0.7".parse().unwrap()));
        assert!(!reachable.includes("10.0.1.7".parse().unwrap()));
    }
}
