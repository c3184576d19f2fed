//! IP addresses and ranges of them. Like event-ruler, this compares their hexadecimal digits.
//!
//! An IPv4 address has 8 digits and an IPv6 address has 32. The library compares only as many digits as it needs. So an address of
//! the other kind that begins with the same digits matches too. So does a number whose decimal digits look like these hexadecimal
//! digits. That has no use, but `EventBridge` does it.

use std::net::{Ipv4Addr, Ipv6Addr};

/// From one address to another, both included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::select) struct Addresses {
    first: Vec<u8>,
    last: Vec<u8>,
}

impl Addresses {
    /// A single address, if the text is one.
    pub(in crate::select) fn one(text: &str) -> Option<Self> {
        let digits = digits(&bytes(text)?);
        Some(Self { first: digits.clone(), last: digits })
    }

    /// Reads `10.0.0.0/8` or `2001:db8::/32`.
    pub(in crate::select) fn cidr(text: &str) -> Result<Self, String> {
        const FORM: &str = "a range of addresses is written like `10.0.0.0/8` or `2001:db8::/32`";
        let (address, bits) = text.split_once('/').ok_or(FORM)?;
        let mut first = bytes(address).ok_or_else(|| format!("`{address}` is not an IP address; {FORM}"))?;
        let bits: usize = bits.parse().map_err(|_| format!("`{bits}` is not a number of bits; {FORM}"))?;
        if bits >= first.len() * 8 {
            let most = first.len() * 8 - 1;
            return Err(format!("{bits} bits of {}: at most {most}; a single address is given as a value", most + 1));
        }
        let mut last = first.clone();
        for (place, (first, last)) in first.iter_mut().zip(&mut last).enumerate() {
            let fixed = bits.saturating_sub(place * 8).min(8);
            let free = 0xff_u8.checked_shr(u32::try_from(fixed).unwrap_or(8)).unwrap_or(0);
            *first &= !free;
            *last |= free;
        }
        Ok(Self { first: digits(&first), last: digits(&last) })
    }

    /// Whether a text is an address in the range.
    pub(in crate::select) fn contain(&self, text: &str) -> bool {
        digits_of(text).is_some_and(|digits| self.contain_digits(&digits))
    }

    /// Whether the digits are those of an address in the range.
    pub(in crate::select) fn contain_digits(&self, digits: &[u8]) -> bool {
        let (mut on_first, mut on_last) = (true, true);
        for (place, (first, last)) in self.first.iter().zip(&self.last).enumerate() {
            let Some(digit) = digits.get(place) else { return false };
            if (on_first && digit < first) || (on_last && digit > last) {
                return false;
            }
            on_first &= digit == first;
            on_last &= digit == last;
            if !on_first && !on_last {
                return true;
            }
        }
        true
    }
}

/// The digits, if the text is an address.
fn digits_of(text: &str) -> Option<Vec<u8>> {
    bytes(text).map(|bytes| digits(&bytes))
}

/// 4 or 16 bytes. An IPv4 address in IPv6 notation (`::ffff:102:304`) counts as IPv4.
fn bytes(text: &str) -> Option<Vec<u8>> {
    if text.contains(':') {
        // No dots and no zones.
        let is_plain = text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
        let address: Ipv6Addr = if is_plain { text.parse().ok()? } else { return None };
        return Some(match address.to_ipv4_mapped() {
            Some(address) => address.octets().into(),
            None => address.octets().into(),
        });
    }
    // Leading zeros are decimal zeros. `Ipv4Addr` does not accept them.
    let mut parts = text.split('.').map(|part| {
        let is_number = (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { part.parse().ok() } else { None }
    });
    let octets = [parts.next()??, parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then(|| Ipv4Addr::from(octets).octets().into())
}

fn digits(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |half: u8| DIGITS[usize::from(half)];
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_lies_within_its_range_however_it_is_written() {
        for (cidr, text, expected) in [
            ("10.0.0.0/8", "10.0.0.0", true),
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "9.255.255.255", false),
            ("10.1.2.3/8", "10.9.9.9", true),
            ("10.0.0.0/31", "10.0.0.1", true),
            ("10.0.0.0/31", "10.0.0.2", false),
            ("10.0.0.16/28", "10.0.0.31", true),
            ("10.0.0.16/28", "10.0.0.32", false),
            ("1.2.3.4/0", "255.255.255.255", true),
            ("2001:db8::/32", "2001:DB8:0:0:0:0:0:1", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("::ffff:a00:0/8", "10.1.1.1", true),
            ("10.0.0.0/8", "10.0.0", false),
            ("10.0.0.0/8", "10.0.0.0.0", false),
            ("10.0.0.0/8", "010.0.0.1", true),
            ("10.0.0.0/8", "a host", false),
            // Compared only by digits, as in the library.
            ("10.0.0.0/8", "a00::", true),
            ("::/1", "16.0.0.0", true),
        ] {
            assert_eq!(Addresses::cidr(cidr).unwrap().contain(text), expected, "{cidr} {text}");
        }
        for (cidr, number, expected) in [
            ("0.0.0.0/0", "300000", true),
            ("16.0.0.0/8", "11", false),
            ("16.0.0.0/8", "100", false),
            ("16.0.0.0/8", "10100", true),
        ] {
            assert_eq!(Addresses::cidr(cidr).unwrap().contain_digits(number.as_bytes()), expected, "{cidr} {number}");
        }
        assert!(Addresses::one("1.2.3.4").unwrap().contain("::ffff:102:304"));
        assert!(!Addresses::one("1.2.3.4").unwrap().contain("1.2.3.5"));
        assert_eq!(Addresses::one("256.1.1.1"), None);
        assert_eq!(Addresses::one(":"), None);
        for wrong in ["10.0.0.0", "10.0.0.0/32", "::/128", "host/8", "10.0.0.0/x", "10.0.0.0/-1", "10.0.0.0/8/9"] {
            assert!(Addresses::cidr(wrong).is_err(), "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn ranges_agree_with_arithmetic(base: u32, bits in 0_usize..32, other: u32, near: bool) {
            let other = if near { base ^ (other & 0xff) } else { other };
            let range = Addresses::cidr(&format!("{}/{bits}", Ipv4Addr::from(base))).unwrap();
            let mask = u32::MAX.checked_shl(32 - u32::try_from(bits).unwrap()).unwrap_or(0);
            let expected = base & mask == other & mask;
            proptest::prop_assert_eq!(range.contain(&Ipv4Addr::from(other).to_string()), expected);
        }
    }
}
