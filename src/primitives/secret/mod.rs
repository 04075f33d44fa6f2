//! `secret`: values that never show themselves, and the certificate authority of a mesh.

mod authority;
mod certificate;
mod kubeconfig;
mod prompt;

use super::Host;
use crate::engine::{Call, Effect, Outcome, Primitive};
use crate::failure::{Failure, Kind, Result};
use crate::secret::Secret;
use base64::Engine as _;
use rhai::Dynamic;
use std::io::Read as _;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

pub use authority::{Authority, self_signed};
pub use certificate::issued_by;

/// The table of `secret`.
pub const SECRET: &[Primitive<Host>] = &[
    Primitive {
        on: "secret",
        name: "read",
        params: "cluster: Cluster, name: string, key: string",
        options: &[],
        returns: "Secret",
        doc: "The decoded value under a key of a Secret, given as `\"namespace/name\"`. Needs `needs: {secrets: [NAMESPACE/NAME]}` in the script's header.",
        example: r#"let c = kube.cluster("east");
c.apply(#{apiVersion: "v1", kind: "Secret", metadata: #{name: "s", namespace: "default"}, stringData: #{token: "planted-token"}});
`${secret.read(c, "default/s", "token")}` == "‹secret default/s:token›""#,
        effect: Effect::Read,
        since: "0.1.0",
        call: read,
    },
    Primitive {
        on: "secret",
        name: "file",
        params: "path: string",
        options: &[],
        returns: "Secret",
        doc: "The content of a file. A relative path starts at the folder the run was started in. Needs `needs: {files: [PATH]}`.",
        example: r#"attempt(|| secret.file("no-such-file.pem")).error.kind == "not_found""#,
        effect: Effect::Read,
        since: "0.1.0",
        call: file,
    },
    Primitive {
        on: "secret",
        name: "env",
        params: "name: string",
        options: &[],
        returns: "Secret",
        doc: "The value of an environment variable. Needs `needs: {env: [NAME]}`.",
        example: r#"attempt(|| secret.env("MESHWRIGHT_NO_SUCH_VARIABLE")).error.kind == "not_found""#,
        effect: Effect::Read,
        since: "0.1.0",
        call: env,
    },
    Primitive {
        on: "secret",
        name: "prompt",
        params: "label: string",
        options: &[],
        returns: "Secret",
        doc: "Asks the user and does not echo the answer. Fails without a terminal.",
        example: r#"attempt(|| if run.rehearsed() { throw "nobody to ask" } else { secret.prompt("Token") }).ok == false"#,
        effect: Effect::Read,
        since: "0.1.0",
        call: prompt::prompt,
    },
    Primitive {
        on: "secret",
        name: "of",
        params: "name: string, content: string|Secret",
        options: &[],
        returns: "Secret",
        doc: "A text as a secret: from now on it shows as its name wherever it is printed.",
        example: r#"`${secret.of("password", "correct horse")}` == "‹secret password›""#,
        effect: Effect::None,
        since: "0.1.0",
        call: of,
    },
    Primitive {
        on: "secret",
        name: "reveal",
        params: "secret: Secret",
        options: &[],
        returns: "string",
        doc: "The content as plain text. Needs `needs: {reveal: true}` in the script's header; what is printed is masked all the same.",
        example: r#"attempt(|| secret.reveal(secret.of("password", "correct horse"))).error.kind == "rights""#,
        effect: Effect::Read,
        since: "0.1.0",
        call: reveal,
    },
    Primitive {
        on: "secret",
        name: "fingerprint",
        params: "pem: string|Secret",
        options: &[],
        returns: "string",
        doc: "The SHA-256 fingerprint of the first certificate in a PEM text, as openssl prints it.",
        example: r#"let a = secret.authority("fingerprint example");
secret.fingerprint(a.root) == secret.fingerprint(a.issue("cluster1")["root-cert.pem"])"#,
        effect: Effect::None,
        since: "0.1.0",
        call: certificate::fingerprint,
    },
    Primitive {
        on: "secret",
        name: "trusts",
        params: "root: string|Secret, chain: string|Secret",
        options: &[],
        returns: "bool",
        doc: "Whether a chain of certificates in PEM, the issuer after each, ends at one of the certificates of a root. Dates do \
              not count.",
        example: r#"let a = secret.authority("trusts example");
secret.trusts(a.root, a.issue("cluster1")["cert-chain.pem"]) && !secret.trusts(secret.authority("another example").root, a.root)"#,
        effect: Effect::None,
        since: "0.1.0",
        call: certificate::trusts,
    },
    Primitive {
        on: "secret",
        name: "check_authority",
        params: "files: object",
        options: &[],
        returns: "object",
        doc: "Checks the four PEM files of `cacerts` (`root-cert.pem`, `ca-cert.pem`, `ca-key.pem`, `cert-chain.pem`): the key \
              fits the certificate, the chain ends at the root, nothing has expired. Returns them.",
        example: r#"let files = secret.authority("check example").issue("cluster1");
secret.check_authority(files).len() == 4"#,
        effect: Effect::None,
        since: "0.1.0",
        call: certificate::check_authority,
    },
    Primitive {
        on: "secret",
        name: "authority",
        params: "name: string, options?: map",
        options: &[("folder", "string", "where to keep it; a folder of your own instead of the one in your home")],
        returns: "Authority",
        doc: "The certificate authority kept under a name; made (ECDSA P-256, ten years) when there is none yet. Kept in files \
              that only you can read, so that a cluster can join later.",
        example: r#"let mesh = secret.authority("mesh1");
mesh.root == secret.authority("mesh1").root"#,
        effect: Effect::Write,
        since: "0.1.0",
        call: authority::open,
    },
    Primitive {
        on: "Authority",
        name: "root",
        params: "",
        options: &[],
        returns: "string",
        doc: "Its root certificate, PEM.",
        example: r#"secret.authority("mesh1").root.starts_with("-----BEGIN CERTIFICATE-----")"#,
        effect: Effect::None,
        since: "0.1.0",
        call: authority::root,
    },
    Primitive {
        on: "Authority",
        name: "issue",
        params: "cluster: string, options?: map",
        options: &[
            ("days", "int", "how long the certificate is valid; 3650 when left out"),
            ("dns", "string", "the DNS name in the certificate; istiod.istio-system.svc when left out"),
        ],
        returns: "object",
        doc: "An intermediate authority for one cluster, as the four PEM values that a Secret `cacerts` holds.",
        example: r#"secret.authority("mesh2").issue("cluster1").keys() == ["ca-cert.pem", "ca-key.pem", "cert-chain.pem", "root-cert.pem"]"#,
        effect: Effect::None,
        since: "0.1.0",
        call: authority::issue,
    },
    Primitive {
        on: "secret",
        name: "kubeconfig",
        params: "cluster: Cluster, service_account: string, options?: map",
        options: &[
            ("name", "string", "the name of cluster, context and user in it; the context's name when left out"),
            ("server", "string", "the API server's URL in it; the kubeconfig's own when left out"),
            ("timeout", "string", "how long the cluster may take to fill the token; 30s when left out"),
        ],
        returns: "Secret",
        doc: "A kubeconfig that acts as a ServiceAccount, given as `\"namespace/name\"`. Its token comes from a Secret of type \
              `kubernetes.io/service-account-token`, which is made when there is none (Kubernetes makes none since 1.24).",
        example: r#"let c = kube.cluster("east");
c.apply(#{apiVersion: "v1", kind: "ServiceAccount", metadata: #{name: "reader", namespace: "default"}});
kube.connect("as reader", secret.kubeconfig(c, "default/reader")).version() == c.version()"#,
        effect: Effect::Write,
        since: "0.1.0",
        call: kubeconfig::kubeconfig,
    },
];

fn read(call: &Call<'_, Host>) -> Outcome {
    let Some(cluster) = call.value::<crate::cluster::Cluster>(0) else {
        return Err(Failure::usage("no cluster").into());
    };
    let (name, key) = (call.str(1), call.str(2));
    let secret = call.block(read_key(&cluster, &name, &key))?;
    Ok(Dynamic::from(secret))
}

/// The decoded value under `key` of the Secret `name` (`ns/name`).
async fn read_key(cluster: &crate::cluster::Cluster, name: &str, key: &str) -> Result<Secret> {
    let missing = |what: String| Failure::new(Kind::NotFound, what).on_cluster(cluster.name());
    let target = cluster.target("Secret", name).await?;
    let (namespace, own) = name.split_once('/').unwrap_or_default();
    cluster.check_open(namespace, own)?;
    let object = cluster.find(&target).await?.ok_or_else(|| missing(format!("secrets \"{name}\" not found")))?;
    decode_key(&object, key).ok_or_else(|| {
        let keys: Vec<_> =
            object.at("data").into_iter().flat_map(|data| data.entries()).map(|(key, _)| &**key).collect();
        missing(format!("Secret {name} has no key `{key}`")).hint(format!("its keys: {}", keys.join(", ")))
    })
}

/// The decoded value under a key of a Secret object.
pub(super) fn decode_key(object: &crate::object::Object, key: &str) -> Option<Secret> {
    let crate::object::Node::Secret(value) = object.at_keys(["data", key])? else { return None };
    let bytes = base64::engine::general_purpose::STANDARD.decode(value.reveal()).ok()?;
    // Learned when the object was decoded, unless it is public.
    Some(Secret::unlearned(value.name(), String::from_utf8(bytes).ok()?))
}

fn file(call: &Call<'_, Host>) -> Outcome {
    let said = call.str(0);
    let path = call.host().path(&said);
    call.host().grants.may_touch(&said, &path)?;
    let (tell, told) = tokio::sync::oneshot::channel();
    // On a thread of its own: a pipe may never say anything, and Ctrl-C must end that too.
    std::thread::spawn(move || tell.send(text_of(&path)));
    let silent = |_| Failure::internal(format!("nobody read {said}"));
    let read = call.block(async { told.await.map_err(silent) })?;
    let (content, opened) = read.map_err(|e| {
        let kind = if e.kind() == std::io::ErrorKind::NotFound { Kind::NotFound } else { Kind::Usage };
        Failure::new(kind, format!("cannot read {said}: {e}"))
    })?;
    // A link on the way to it may have been changed since the first look.
    opened.map_or(Ok(()), |opened| call.host().grants.may_touch(&said, &opened))?;
    Ok(Dynamic::from(Secret::new(said.as_str(), content)))
}

/// A secret may be this large; what is larger is none.
const MOST: u64 = 16 << 20;

/// The text in a file, and where the file is, when it has a place and the system tells it.
fn text_of(path: &Path) -> std::io::Result<(String, Option<PathBuf>)> {
    let (mut text, file) = (String::new(), std::fs::File::open(path)?);
    let opened = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()));
    let read = file.take(MOST + 1).read_to_string(&mut text)?;
    match read as u64 > MOST {
        true => Err(std::io::Error::other(format!("it is larger than {} MiB", MOST >> 20))),
        false => Ok((text, opened.ok().filter(|opened| opened.is_absolute()))),
    }
}

fn env(call: &Call<'_, Host>) -> Outcome {
    let name = call.str(0);
    call.host().grants.may_read_variable(&name)?;
    let content = std::env::var(name.as_str()).map_err(|error| match error {
        std::env::VarError::NotPresent => {
            Failure::new(Kind::NotFound, format!("the environment variable {name} is not set"))
        }
        std::env::VarError::NotUnicode(_) => {
            Failure::usage(format!("the environment variable {name} is set, but its value is not text in UTF-8"))
        }
    })?;
    Ok(Dynamic::from(Secret::new(format!("${name}"), content)))
}

fn of(call: &Call<'_, Host>) -> Outcome {
    let name = call.str(0);
    // The first name that a content is known by is the one that is shown.
    let secret = call.secret(1, &name);
    Ok(Dynamic::from(Secret::new(name.as_str(), secret.reveal())))
}

fn reveal(call: &Call<'_, Host>) -> Outcome {
    call.host().grants.may_reveal()?;
    Ok(call.secret(0, "").reveal().to_owned().into())
}
