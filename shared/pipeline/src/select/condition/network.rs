//! IP addresses and networks, compared like the engine's field type `ip`.
//!
//! In: text. Out: numbers of 128 bits in the order of addresses. An IPv4 address equals its IPv6 form, `::ffff:1.2.3.4`, as in the
//! engine. Deliberately absent: leading zeros, zones and names, which an `ip` field refuses too.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest text of an address: eight groups, the last two in IPv4 notation.
const MAX_CHARS: usize = "0000:0000:0000:0000:0000:ffff:255.255.255.255".len();

/// From one address to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::select) struct Network {
    first: u128,
    last: u128,
}

impl Network {
    /// Reads `10.0.0.0/8` or `2001:db8::/32`, or an address, which is a network of one address. Bits after the prefix are ignored.
    pub(in crate::select) fn parse(text: &str) -> Option<Self> {
        let Some((address, bits)) = text.split_once('/') else {
            return address_of(text).map(|address| Self { first: address, last: address });
        };
        let (width, bits): (u32, u32) = (if address.contains(':') { 128 } else { 32 }, bits.parse().ok()?);
        let address = match address.parse().ok()? {
            // The engine refuses a prefix here, because it could mean 32 bits or 128.
            IpAddr::V6(mapped) if mapped.to_ipv4_mapped().is_some() => return None,
            address => number(address),
        };
        let free = u128::MAX.checked_shr(128 - width.checked_sub(bits)?).unwrap_or(0);
        Some(Self { first: address & !free, last: address | free })
    }

    /// Whether a text is an address in the network.
    pub(in crate::select) fn contains(&self, text: &str) -> bool {
        address_of(text).is_some_and(|address| (self.first..=self.last).contains(&address))
    }
}

/// The number of an address, if the text is one.
pub(in crate::select) fn address_of(text: &str) -> Option<u128> {
    let begins = text.as_bytes().first().is_some_and(|byte| byte.is_ascii_hexdigit() || *byte == b':');
    if begins && text.len() <= MAX_CHARS { text.parse().ok().map(number) } else { None }
}

fn number(address: IpAddr) -> u128 {
    let mapped = |address: Ipv4Addr| address.to_ipv6_mapped();
    u128::from(match address {
        IpAddr::V4(address) => mapped(address),
        IpAddr::V6(address) => Ipv6Addr::from(address.octets()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_the_addresses_of_its_prefix_however_they_are_written() {
        for (network, text, expected) in [
            ("10.0.0.0/8", "10.0.0.0", true),
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "9.255.255.255", false),
            ("10.1.2.3/8", "10.9.9.9", true),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("10.0.0.0/8", "::ffff:a01:101", true),
            ("10.0.0.0/8", "::10.1.1.1", false),
            ("10.0.0.0/8", "010.0.0.1", false),
            ("10.0.0.0/8", "10.0.0", false),
            ("10.0.0.0/8", "a host", false),
            ("10.0.0.0/8", "", false),
            ("10.0.0.5/32", "10.0.0.5", true),
            ("10.0.0.5/32", "10.0.0.4", false),
            ("10.0.0.16/28", "10.0.0.31", true),
            ("10.0.0.16/28", "10.0.0.32", false),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "255.255.255.255", true),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:DB8:0:0:0:0:0:1", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("::1/128", "::1", true),
            ("::1/128", "::2", false),
            ("2001:db8::1", "2001:0db8:0000:0000:0000:0000:0000:0001", true),
            ("2001:db8::1", "2001:db8::1%eth0", false),
            ("1.2.3.4", "0000:0000:0000:0000:0000:ffff:1.2.3.4", true),
        ] {
            assert_eq!(Network::parse(network).unwrap().contains(text), expected, "{network} {text}");
        }
        for wrong in [
            "",
            "/",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/8/9",
            "host/8",
            "::ffff:0:0/96",
            "10.0/8",
            "/api/v1",
        ] {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn networks_agree_with_arithmetic(base: u32, bits in 0_u32..=32, other: u32, near: bool) {
            let other = if near { base ^ (other & 0xff) } else { other };
            let network = Network::parse(&format!("{}/{bits}", Ipv4Addr::from(base))).unwrap();
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            let expected = base & mask == other & mask;
            proptest::prop_assert_eq!(network.contains(&Ipv4Addr::from(other).to_string()), expected);
        }
    }
}
