//! Reading and checking certificates.

use super::super::Host;
use crate::engine::{Call, Outcome};
use crate::failure::{Failure, Kind, Result};
use crate::object::{Node, Object};
use rcgen::{KeyPair, PublicKeyData as _};
use rhai::Dynamic;
use sha2::{Digest as _, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::extensions::ParsedExtension;
use x509_parser::pem::Pem;

pub(super) fn fingerprint(call: &Call<'_, Host>) -> Outcome {
    let first = certificates("the text", &call.opened(0))?.remove(0);
    let hex: Vec<String> = Sha256::digest(&first.contents).iter().map(|byte| format!("{byte:02X}")).collect();
    Ok(hex.join(":").into())
}

pub(super) fn check_authority(call: &Call<'_, Host>) -> Outcome {
    let files = call.object(0)?;
    check(&files)?;
    Ok(Dynamic::from(files))
}

/// Whether the four files of `cacerts` fit together: key and certificate, chain and root, dates.
///
/// # Errors
/// [`Kind::Invalid`], naming the file.
pub(super) fn check(files: &Object) -> Result<()> {
    let pems = ["ca-cert.pem", "cert-chain.pem", "root-cert.pem"]
        .map(|name| Ok((name, certificates(name, &text(files, name)?)?)));
    let [cert, chain, root] = pems;
    let (cert, chain, root) = (cert?, chain?, root?);
    let ca = parse(cert.0, &cert.1[0])?;
    key_fits(&text(files, "ca-key.pem")?, &ca)?;
    let links: Result<Vec<_>> = chain.1.iter().map(|pem| parse(chain.0, pem)).collect();
    let links = links?;
    if links.first().map(|first| first.as_ref()) != Some(ca.as_ref()) {
        return Err(invalid("cert-chain.pem", "its first certificate is not the one in ca-cert.pem"));
    }
    let roots: Result<Vec<_>> = root.1.iter().map(|pem| parse(root.0, pem)).collect();
    verify_chain(&links, &roots?)
}

pub(super) fn trusts(call: &Call<'_, Host>) -> Outcome {
    let (roots, chain) = (certificates("the root", &call.opened(0))?, certificates("the chain", &call.opened(1))?);
    let (roots, chain) = (read("the root", &roots)?, read("the chain", &chain)?);
    match verdict(&chain, &roots) {
        Verdict::Ends => Ok(true.into()),
        Verdict::Unsigned(_) => Ok(false.into()),
        Verdict::Unknown(link) => {
            let why = format!("the signature of `{link}` is of a kind that cannot be checked here");
            Err(invalid("secret.trusts", &why).hint("compare the roots themselves: `secret.fingerprint`").into())
        }
    }
}

/// Certificates as they are, whatever the date.
fn read<'p>(name: &str, pems: &'p [Pem]) -> Result<Vec<X509Certificate<'p>>> {
    pems.iter().map(|pem| pem.parse_x509().map_err(|e| invalid(name, &e.to_string()))).collect()
}

/// Whether the first certificate of a PEM text is signed by the first of another.
pub fn issued_by(cert: &str, root: &str) -> bool {
    let (Ok(cert), Ok(root)) = (certificates("certificate", cert), certificates("root", root)) else { return false };
    let (Ok(cert), Ok(root)) = (cert[0].parse_x509(), root[0].parse_x509()) else { return false };
    cert.verify_signature(Some(root.public_key())).is_ok()
}

/// What is known of a chain.
enum Verdict {
    /// Each certificate is signed by the next, and the last by one of the roots.
    Ends,
    /// What is wrong.
    Unsigned(String),
    /// Whose signature cannot be read here; nothing else is wrong.
    Unknown(String),
}

/// Signatures of kinds that cannot be read here are istiod's to judge.
fn verify_chain(links: &[X509Certificate<'_>], roots: &[X509Certificate<'_>]) -> Result<()> {
    match verdict(links, roots) {
        Verdict::Ends | Verdict::Unknown(_) => Ok(()),
        Verdict::Unsigned(why) => Err(invalid("cert-chain.pem does not end at root-cert.pem", &why)),
    }
}

fn verdict(links: &[X509Certificate<'_>], roots: &[X509Certificate<'_>]) -> Verdict {
    let mut unknown = None;
    // A chain may or may not repeat the root at its end.
    let is_root = |link: &X509Certificate<'_>| roots.iter().any(|root| root.as_ref() == link.as_ref());
    let links = links.iter().filter(|link| !is_root(link)).collect::<Vec<_>>();
    for (index, link) in links.iter().enumerate() {
        let issuers = links.get(index + 1).map_or(roots, |next| std::slice::from_ref(*next));
        let answers: Vec<Option<bool>> = issuers.iter().map(|issuer| signed(issuer, link)).collect();
        if answers.contains(&Some(true)) {
            continue;
        }
        if !answers.contains(&None) {
            let issuers: Vec<String> = issuers.iter().map(|issuer| format!("`{}`", issuer.subject())).collect();
            return Verdict::Unsigned(format!("`{}` is not signed by {}", link.subject(), issuers.join(" or ")));
        }
        unknown.get_or_insert_with(|| link.subject().to_string());
    }
    unknown.map_or(Verdict::Ends, Verdict::Unknown)
}

/// Whether a certificate is signed by another; `None` where the signature cannot be read, but nothing else speaks against
/// it.
fn signed(issuer: &X509Certificate<'_>, link: &X509Certificate<'_>) -> Option<bool> {
    match link.verify_signature(Some(issuer.public_key())) {
        Ok(()) => Some(true),
        Err(X509Error::SignatureUnsupportedAlgorithm) if names(issuer, link) => None,
        Err(_) => Some(false),
    }
}

/// Whether a certificate names another as its issuer, by subject and, where both have one, by the key's identifier.
fn names(issuer: &X509Certificate<'_>, link: &X509Certificate<'_>) -> bool {
    let own = issuer.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(key) => Some(key.0),
        _ => None,
    });
    let named = link.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(authority) => Some(authority.key_identifier.as_ref()?.0),
        _ => None,
    });
    let is_other_key = own.zip(named).is_some_and(|(own, named)| own != named);
    issuer.subject().as_raw() == link.issuer().as_raw() && !is_other_key
}

/// Whether a key is that of a certificate, both PEM. A key that cannot be read here is told when it is to sign.
pub(super) fn is_pair(cert: &str, key: &str) -> Result<bool> {
    let cert = certificates("root-cert.pem", cert)?.remove(0);
    let cert = cert.parse_x509().map_err(|e| invalid("root-cert.pem", &e.to_string()))?;
    Ok(key_fits(key, &cert).is_ok())
}

fn key_fits(pem: &str, cert: &X509Certificate<'_>) -> Result<()> {
    // Keys of kinds that cannot be read here (RSA in PKCS#1) are istiod's to judge.
    let Ok(key) = KeyPair::from_pem(pem) else { return Ok(()) };
    match key.subject_public_key_info() == cert.public_key().raw {
        true => Ok(()),
        false => Err(invalid("ca-key.pem", "it is not the key of ca-cert.pem")),
    }
}

fn text(files: &Object, name: &str) -> Result<String> {
    match files.at_keys([name]) {
        Some(Node::Str(text)) => Ok(text.to_string()),
        Some(Node::Secret(secret)) => secret.check_open().map(|()| secret.reveal().to_owned()),
        _ => Err(invalid(name, "it is missing")),
    }
}

/// The certificates of a PEM text, at least one.
fn certificates(name: &str, text: &str) -> Result<Vec<Pem>> {
    let pems: std::result::Result<Vec<Pem>, _> = Pem::iter_from_buffer(text.as_bytes()).collect();
    let pems = pems.map_err(|_| invalid(name, "it is not PEM"))?;
    let certificates: Vec<Pem> = pems.into_iter().filter(|pem| pem.label == "CERTIFICATE").collect();
    match certificates.is_empty() {
        true => Err(invalid(name, "it holds no certificate")),
        false => Ok(certificates),
    }
}

fn parse<'p>(name: &str, pem: &'p Pem) -> Result<X509Certificate<'p>> {
    let cert = pem.parse_x509().map_err(|e| invalid(name, &e.to_string()))?;
    if !cert.validity().is_valid() {
        return Err(invalid(name, &format!("`{}` is not valid now: {}", cert.subject(), cert.validity().not_after)));
    }
    Ok(cert)
}

fn invalid(name: &str, why: &str) -> Failure {
    Failure::new(Kind::Invalid, format!("{name}: {why}"))
}
