//! Whose word counts about whom a connection is for: what a proxy says in headers or by the PROXY protocol, a stranger
//! may say as well.

use std::{net::IpAddr, str::FromStr};

use ipnet::{AddrParseError, IpNet};

/// Where proxies stand unless it is said: on this machine, or in networks that the internet does not lead to.
pub const PRIVATE_NETWORKS: [&str; 9] = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "100.64.0.0/10",
    "::1",
    "fc00::/7",
    "fe80::/10",
];

/// A network, or an address alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl FromStr for Network {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        let alone = text.parse::<IpAddr>().map(IpNet::from);
        alone.or_else(|_error| text.parse()).map(Self)
    }
}

/// The proxies that are believed.
#[derive(Debug, Clone)]
pub struct TrustedProxies {
    hops: usize,
    networks: Vec<Network>,
}

impl TrustedProxies {
    /// So many in a row at most, each of which connects from these networks.
    pub const fn new(hops: usize, networks: Vec<Network>) -> Self {
        Self { hops, networks }
    }

    /// Whether what it says about whom it speaks for is believed.
    pub fn include(&self, peer: IpAddr) -> bool {
        // A socket that listens for IPv6 sees IPv4 as part of it.
        let peer = peer.to_canonical();
        let mut networks = self.networks.iter();
        networks.any(|Network(network)| network.contains(&peer))
    }

    /// Whether it is one of those that say in headers who comes.
    pub fn name_clients(&self, peer: IpAddr) -> bool {
        self.hops > 0 && self.include(peer)
    }

    /// How many a client passes at most.
    pub const fn hops(&self) -> usize {
        self.hops
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(networks: &[&str]) -> TrustedProxies {
        let networks = networks.iter().map(|network| network.parse().unwrap());
        TrustedProxies::new(1, networks.collect())
    }

    fn trusted(networks: &[&str], peer: &str) -> bool {
        proxies(networks).include(peer.parse().unwrap())
    }

    #[test]
    fn only_who_connects_from_a_network_of_proxies_is_believed() {
        let networks = ["10.1.0.0/16", "192.0.2.7", "2001:db8::/64"];
        for proxy in ["10.1.2.3", "192.0.2.7", "::ffff:10.1.2.3", "2001:db8::1"] {
            assert!(trusted(&networks, proxy), "{proxy}");
        }
        for stranger in [
            "10.2.0.1",
            "192.0.2.8",
            "::ffff:10.2.0.1",
            "2001:db8:0:1::1",
        ] {
            assert!(!trusted(&networks, stranger), "{stranger}");
            assert!(!proxies(&networks).name_clients(stranger.parse().unwrap()));
        }
        assert!(!trusted(&[], "127.0.0.1"));
        assert!(trusted(&["0.0.0.0/0"], "203.0.113.7"));
    }

    #[test]
    fn the_internet_is_no_private_network() {
        for near in ["127.0.0.1", "::1", "172.31.0.1", "100.100.0.1", "fd00::1"] {
            assert!(trusted(&PRIVATE_NETWORKS, near), "{near}");
        }
        for far in [
            "203.0.113.7",
            "172.32.0.1",
            "100.128.0.1",
            "2001:db8::1",
            "::2",
        ] {
            assert!(!trusted(&PRIVATE_NETWORKS, far), "{far}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in ["", "proxy.example", "10.0.0.0/33", "10.0.0.0/8/8", "10.0.0"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
