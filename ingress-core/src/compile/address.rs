//! Which addresses an object may send traffic to.

use std::net::IpAddr;

use super::Options;

/// Why an address is no endpoint; `None` if it may be one.
///
/// Whoever may write EndpointSlices must not reach this machine itself, nor the metadata service of a cloud: the proxy would speak there
/// with the rights of its own network.
pub(super) fn refusal(address: IpAddr, options: &Options) -> Option<&'static str> {
    let (local, group) = match address.to_canonical() {
        IpAddr::V4(v4) => {
            let this_network = v4.octets().first() == Some(&0);
            (v4.is_loopback() || v4.is_link_local() || this_network, v4.is_multicast() || v4.is_broadcast())
        }
        IpAddr::V6(v6) => {
            (v6.is_loopback() || v6.is_unspecified() || v6.is_unicast_link_local(), v6.is_multicast())
        }
    };
    if group {
        Some("is a multicast address")
    } else if local && !options.local_endpoints {
        Some("is a loopback, link-local or unspecified address, which only objects from local files may use")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_need_permission() {
        let strict = Options::default();
        let local = Options { local_endpoints: true, ..Options::default() };
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::ffff:127.0.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fe80::1",
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert!(refusal(address, &strict).is_some(), "{address}");
            assert_eq!(refusal(address, &local), None, "{address}");
        }
        for address in ["10.0.0.1", "fd00::1", "192.168.0.1", "2001:db8::1", "::ffff:10.0.0.1"] {
            assert_eq!(refusal(address.parse().unwrap(), &strict), None, "{address}");
        }
        for address in ["224.0.0.1", "255.255.255.255", "ff02::1"] {
            assert!(refusal(address.parse().unwrap(), &local).is_some(), "{address}");
        }
    }
}
