//! OpenSSL as a second opinion on paths that are said to be valid. It may be stricter or more
//! lenient in what RFC 5280 leaves open; what it must not find is a path that breaks a rule.

use std::{collections::HashSet, ops::RangeInclusive};

use certmill_x509::chain::{Options, Verdict};
use openssl::{
    stack::Stack,
    x509::{
        X509, X509StoreContext, X509VerifyResult,
        store::{X509Store, X509StoreBuilder},
        verify::{X509VerifyFlags, X509VerifyParam},
    },
};

/// Panics when OpenSSL refuses the path of a valid verdict. What it cannot even read is passed over.
pub fn agrees(verdict: &Verdict, options: &Options) {
    let ders = verdict.path.certificates.iter().map(|certificate| X509::from_der(certificate.der()));
    let Ok(certificates) = ders.collect::<Result<Vec<_>, _>>() else { return };
    // A target that is its own anchor has nothing to be verified.
    let [target, .., anchor] = certificates.as_slice() else { return };
    if !is_walked_alike(&certificates) {
        return;
    }
    let error = verified(target, &certificates, anchor, options.at);
    assert!(error == X509VerifyResult::OK, "OpenSSL says {}: {verdict:?}", error.error_string());
}

/// Whether OpenSSL finds the same path. It follows the first issuer of a name that it meets and does
/// not come back, it compares names less thoroughly than RFC 4518 asks for, and it takes authority key
/// ids for more than a hint.
fn is_walked_alike(path: &[X509]) -> bool {
    /// `X509_V_ERR_SUBJECT_ISSUER_MISMATCH` and the two about authority key ids after it.
    const STRANGERS: RangeInclusive<i32> = 29..=31;
    let subjects: HashSet<Option<Vec<u8>>> =
        path.iter().map(|known| known.subject_name().to_der().ok()).collect();
    let fits = |pair: &[X509]| !STRANGERS.contains(&pair[1].issued(&pair[0]).as_raw());
    subjects.len() == path.len() && path.windows(2).all(fits)
}

fn verified(target: &X509, path: &[X509], anchor: &X509, at: i64) -> X509VerifyResult {
    let mut untrusted = Stack::new().unwrap();
    for certificate in path {
        untrusted.push(certificate.clone()).unwrap();
    }
    let store = store_of(anchor, at);
    let mut context = X509StoreContext::new().unwrap();
    context
        .init(&store, target, &untrusted, |context| {
            context.verify_cert()?;
            Ok(context.error())
        })
        .unwrap()
}

fn store_of(anchor: &X509, at: i64) -> X509Store {
    let mut param = X509VerifyParam::new().unwrap();
    param.set_time(at);
    param.set_depth(20);
    param.set_flags(X509VerifyFlags::PARTIAL_CHAIN).unwrap();
    let mut store = X509StoreBuilder::new().unwrap();
    store.add_cert(anchor.clone()).unwrap();
    store.set_param(&param).unwrap();
    store.build()
}
