//! Questions to a DNS server through `dig`, a judge that is not ours.

use std::{net::SocketAddr, process::Command};

/// The TXT values of a name as text, sorted.
///
/// The error is `dig`'s message, as when nobody answers.
pub(crate) fn txt(server: SocketAddr, name: &str) -> Result<Vec<String>, String> {
    let mut values: Vec<String> =
        dig(server, &["+short", "+tries=1", "TXT", name])?.lines().map(joined).collect();
    values.sort();
    Ok(values)
}

/// The records of a zone, one per line and sorted, as the server gives them away (AXFR, RFC 5936).
///
/// The error is `dig`'s message, as when the server refuses.
pub(crate) fn zone(server: SocketAddr, zone: &str) -> Result<Vec<String>, String> {
    let answer = dig(server, &["+tcp", "+nocomments", "+nostats", "+nocmd", "+noidnout", "AXFR", zone])?;
    if let Some(failure) = answer.lines().find(|line| line.starts_with(';')) {
        return Err(failure.to_owned());
    }
    let mut lines: Vec<String> =
        answer.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    lines.sort();
    Ok(lines)
}

/// The serial number of the zone's SOA record.
pub(crate) fn serial(server: SocketAddr, zone: &str) -> Result<u32, String> {
    let answer = dig(server, &["+short", "+norecurse", "+tries=1", "SOA", zone])?;
    let serial = answer.split_whitespace().nth(2).and_then(|serial| serial.parse().ok());
    serial.ok_or_else(|| format!("no SOA of {zone} in {answer:?}"))
}

fn dig(server: SocketAddr, question: &[&str]) -> Result<String, String> {
    let mut dig = Command::new("dig");
    // `-r`: nobody's ~/.digrc.
    dig.args(["-r", &format!("@{}", server.ip()), "-p", &server.port().to_string(), "+time=5"]);
    let output = dig.args(question).output().unwrap_or_else(|error| {
        panic!("cannot run dig ({error}): install it, for example with `apt-get install bind9-dnsutils`")
    });
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() { Ok(answer) } else { Err(answer) }
}

/// The strings of one TXT record without quotes, put together as readers of challenges do (RFC 8555 §8.4).
fn joined(line: &str) -> String {
    let (mut value, mut inside, mut characters) = (String::new(), false, line.chars());
    while let Some(character) = characters.next() {
        match character {
            '"' => inside = !inside,
            '\\' => value.extend(characters.next()),
            _ if inside => value.push(character),
            _ => {}
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn strings_of_a_record_are_put_together() {
        assert_eq!(joined(r#""one" "two""#), "onetwo");
        assert_eq!(joined(r#""a \"b\" c""#), r#"a "b" c"#);
    }
}
