//! Places at which a test can have the process die, as a machine might. Debug builds only; in others nothing is left of them.

/// Dies here if the environment says so: `FAILPOINTS` holds `name=probability` pairs with commas between them, and
/// `*` stands for every name.
#[cfg(debug_assertions)]
pub(crate) fn reached(name: &str) {
    use std::sync::OnceLock;

    static WISHES: OnceLock<Vec<(String, f64)>> = OnceLock::new();
    let wishes = WISHES.get_or_init(|| {
        let text = std::env::var("FAILPOINTS").unwrap_or_default();
        let wish = |pair: &str| {
            let (name, probability) = pair.split_once('=')?;
            Some((name.trim().to_owned(), probability.trim().parse().ok()?))
        };
        text.split(',').filter_map(wish).collect()
    });
    let Some((_, probability)) = wishes.iter().find(|(wish, _)| wish == name || wish == "*") else {
        return;
    };
    let mut random = [0; 4];
    certmill_domain::Entropy::fill(&certmill_domain::SystemEntropy, &mut random);
    if f64::from(u32::from_be_bytes(random)) / f64::from(u32::MAX) < *probability {
        std::process::abort();
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub(crate) const fn reached(_name: &str) {}
