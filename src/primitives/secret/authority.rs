//! A mesh's root of trust: one root certificate, one intermediate per cluster.
//!
//! Subjects, constraints and the four file names are those of Istio's `tools/certs`; keys are ECDSA P-256.

use super::super::Host;
use super::super::host::Keeper;
use crate::engine::{Call, Outcome};
use crate::failure::{Failure, Kind, Result};
use crate::object::{Map, Node, Object};
use crate::secret::Secret;
use rcgen::string::Ia5String;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};
use rhai::Dynamic;
use std::sync::Arc;

/// A root certificate and its key.
#[derive(Clone, Debug)]
pub struct Authority {
    /// The name it is kept under.
    pub name: String,
    /// The root certificate, PEM.
    pub root: String,
    /// The root's private key, PEM.
    pub key: Secret,
}

const ROOT_DAYS: i64 = 3650;

/// A hundred years: dates of certificates end with the year 9999.
const MOST_DAYS: i64 = 36_500;

impl std::fmt::Display for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "authority {}", self.name)
    }
}

impl Authority {
    /// The authority kept under a name, or a new one, kept before it is returned.
    ///
    /// # Errors
    /// When it cannot be read, written, or half of it is missing.
    pub fn open(name: &str, keeper: &dyn Keeper) -> Result<Authority> {
        if let Some(kept) = Authority::kept(name, keeper)? {
            return Ok(kept);
        }
        // Somebody else may be making it just now, or half of it is there for good.
        let _alone = keeper.lock(name)?;
        if let Some(kept) = Authority::kept(name, keeper)? {
            return Ok(kept);
        }
        let [cert, key] = files_of(name);
        if keeper.read(&cert)?.is_some() || keeper.read(&key)?.is_some() {
            return Err(Failure::new(Kind::Invalid, format!("half of the authority `{name}` is missing"))
                .hint(format!("restore both files in {} or remove what is left", keeper.place(name))));
        }
        let made = Authority::make(name)?;
        // The key first: a root without its key could never issue again.
        keeper.write(&key, made.key.reveal())?;
        keeper.write(&cert, &made.root)?;
        Ok(made)
    }

    /// What is kept under this name, when both halves of it are there.
    fn kept(name: &str, keeper: &dyn Keeper) -> Result<Option<Authority>> {
        let [cert, key] = files_of(name);
        let (Some(root), Some(key)) = (keeper.read(&cert)?, keeper.read(&key)?) else { return Ok(None) };
        if !super::certificate::is_pair(&root, &key)? {
            let message = format!("the authority `{name}` is broken: root-key.pem is not the key of root-cert.pem");
            let hint = format!("restore both files in {} from the same copy", keeper.place(name));
            return Err(Failure::new(Kind::Invalid, message).hint(hint));
        }
        Ok(Some(Authority { name: name.into(), root, key: key_secret(name, key) }))
    }

    fn make(name: &str) -> Result<Authority> {
        let key = KeyPair::generate().map_err(crypto)?;
        let mut params = params("Root CA", None, ROOT_DAYS);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).map_err(crypto)?;
        Ok(Authority { name: name.into(), root: root.pem(), key: key_secret(name, key.serialize_pem()) })
    }

    /// The four files of `cacerts` for one cluster.
    ///
    /// # Errors
    /// When the root's certificate or key is damaged.
    pub fn issue(&self, cluster: &str, dns: &str, days: i64) -> Result<[(&'static str, Node); 4]> {
        let root_key = KeyPair::from_pem(self.key.reveal()).map_err(crypto)?;
        let issuer = Issuer::from_ca_cert_pem(&self.root, root_key).map_err(crypto)?;
        let key = KeyPair::generate().map_err(crypto)?;
        let mut params = params("Intermediate CA", Some(cluster), days);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.use_authority_key_identifier_extension = true;
        params.subject_alt_names = vec![SanType::DnsName(Ia5String::try_from(dns).map_err(crypto)?)];
        let cert = params.signed_by(&key, &issuer).map_err(crypto)?.pem();
        let private = Secret::new(format!("ca-key.pem of {cluster}"), key.serialize_pem());
        let chain = format!("{cert}{}", self.root);
        Ok([
            ("ca-cert.pem", Node::Str(cert.into())),
            ("ca-key.pem", Node::Secret(private)),
            ("cert-chain.pem", Node::Str(chain.into())),
            ("root-cert.pem", Node::Str(self.root.as_str().into())),
        ])
    }
}

/// A new self-signed certificate with this common name, PEM; its key is thrown away.
///
/// # Errors
/// When there is no randomness.
pub fn self_signed(common_name: &str) -> Result<String> {
    let key = KeyPair::generate().map_err(crypto)?;
    Ok(params(common_name, None, ROOT_DAYS).self_signed(&key).map_err(crypto)?.pem())
}

/// Where certificate and key of an authority are kept.
fn files_of(name: &str) -> [String; 2] {
    ["root-cert.pem", "root-key.pem"].map(|file| format!("{name}/{file}"))
}

fn key_secret(name: &str, pem: String) -> Secret {
    Secret::new(format!("root-key.pem of {name}"), pem)
}

fn params(common_name: &str, locality: Option<&str>, days: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::OrganizationName, "Istio");
    params.distinguished_name.push(DnType::CommonName, common_name);
    if let Some(locality) = locality {
        params.distinguished_name.push(DnType::LocalityName, locality);
    }
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::ContentCommitment,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::KeyCertSign,
    ];
    let now = time::OffsetDateTime::now_utc();
    // An hour back: clocks of clusters differ.
    params.not_before = now - time::Duration::hours(1);
    params.not_after = now + time::Duration::days(days);
    params
}

fn crypto(error: impl std::fmt::Display) -> Failure {
    Failure::new(Kind::Invalid, format!("certificate authority: {error}"))
}

pub(super) fn open(call: &Call<'_, Host>) -> Outcome {
    let name = call.str(0);
    call.host().grants.may_sign_as(&name)?;
    let authority = match call.options().str("folder")? {
        Some(folder) => {
            let path = call.host().path(&folder);
            call.host().grants.may_touch(&folder, &path)?;
            Authority::open(&name, &super::super::keeper::Folder::new(path))?
        }
        None => Authority::open(&name, &*call.host().keeper)?,
    };
    Ok(Dynamic::from(authority))
}

pub(super) fn root(call: &Call<'_, Host>) -> Outcome {
    Ok(call.receiver::<Authority>().root.into())
}

pub(super) fn issue(call: &Call<'_, Host>) -> Outcome {
    let authority: Authority = call.receiver();
    let dns = call.options().str("dns")?.unwrap_or_else(|| "istiod.istio-system.svc".into());
    let days = call.options().int("days")?.unwrap_or(ROOT_DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        let message = format!("Authority.issue: option `days` must be from 1 to {MOST_DAYS}, not {days}");
        return Err(Failure::usage(message).into());
    }
    let files = authority.issue(&call.str(0), &dns, days)?;
    let entries = files.into_iter().map(|(key, node)| (key.into(), node)).collect();
    Ok(Dynamic::from(Object::new(Node::Map(Map(Arc::new(entries))))))
}

#[cfg(test)]
mod tests {
    use super::super::certificate::check;
    use super::*;
    use crate::primitives::keeper::Memory;

    fn files(authority: &Authority) -> Object {
        let files = authority.issue("cluster1", "istiod.istio-system.svc", 30).expect("issue");
        Object::new(Node::Map(Map(Arc::new(files.into_iter().map(|(k, n)| (k.into(), n)).collect()))))
    }

    #[test]
    fn an_authority_is_kept_and_issues_later_under_the_same_root() {
        let keeper = Memory::default();
        let first = Authority::open("mesh", &keeper).expect("made");
        let second = Authority::open("mesh", &keeper).expect("read");
        assert_eq!(first.root, second.root);
        check(&files(&second)).expect("chain ends at the root");
    }

    #[test]
    fn files_of_two_authorities_do_not_fit_together() {
        let (one, two) = (Memory::default(), Memory::default());
        let one = files(&Authority::open("mesh", &one).expect("made"));
        let two = Authority::open("mesh", &two).expect("made");
        let Node::Map(map) = &one.node else { panic!("map") };
        let mixed = Object::new(Node::Map(map.with("root-cert.pem", Node::Str(two.root.as_str().into()))));
        let failure = check(&mixed).expect_err("wrong root");
        assert!(failure.message.contains("root-cert.pem"), "{failure}");
    }

    #[test]
    fn whoever_opens_an_authority_at_the_same_time_has_the_same() {
        let home = tempfile::tempdir().expect("folder");
        let all = std::sync::Barrier::new(8);
        let open = || {
            let keeper = crate::primitives::keeper::Folder::new(home.path().to_owned());
            all.wait();
            Authority::open("mesh", &keeper).expect("opened")
        };
        let roots: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().expect("ended").root).collect()
        });
        assert!(roots.iter().all(|root| *root == roots[0]), "{} roots", roots.len());
        check(&files(&open_again(home.path()))).expect("key and certificate fit");
    }

    fn open_again(home: &std::path::Path) -> Authority {
        Authority::open("mesh", &crate::primitives::keeper::Folder::new(home.to_owned())).expect("kept")
    }

    #[test]
    fn a_key_of_another_certificate_is_no_authority() {
        let (keeper, other) = (Memory::default(), Memory::default());
        Authority::open("mesh", &keeper).expect("made");
        let other = Authority::open("mesh", &other).expect("made");
        keeper.write("mesh/root-key.pem", other.key.reveal()).expect("written");
        let failure = Authority::open("mesh", &keeper).expect_err("they do not fit");
        assert!(failure.message.contains("root-key.pem") && failure.hint.is_some(), "{failure:?}");
    }
}
