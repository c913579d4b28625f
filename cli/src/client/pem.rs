//! Cutting PEM texts into their blocks (RFC 7468).

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Each certificate of a text, as a PEM text of its own that ends with a newline.
pub(super) fn certificates(text: &str) -> Vec<String> {
    text.split(BEGIN)
        .skip(1)
        .filter_map(|rest| rest.split_once(END))
        .map(|(content, _)| format!("{BEGIN}\n{}\n{END}\n", content.trim()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_cut_out_of_what_is_around_them() {
        let text = format!("subject=x\n{BEGIN}\nQQ==\n{END}{BEGIN}\r\nQg==\r\n{END}\n{BEGIN}\ncut");
        assert_eq!(
            certificates(&text),
            [format!("{BEGIN}\nQQ==\n{END}\n"), format!("{BEGIN}\nQg==\n{END}\n")]
        );
    }
}
