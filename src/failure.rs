//! The one error type below the command line.
//!
//! Every layer fails with a [`Failure`]: what went wrong in the words of whoever said it, which cluster and object it
//! is about, and what to do. Scripts see the same fields in `catch (e)`; the command line adds the script position.

use std::fmt;

/// What kind of failure this is: scripts branch on it, the command line turns it into an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The object, kind, context, file or program does not exist.
    NotFound,
    /// Somebody else owns the field or has changed the object since it was read.
    Conflict,
    /// The object exists already.
    AlreadyExists,
    /// The cluster refuses: authorization.
    Forbidden,
    /// The cluster refuses: authentication.
    Unauthorized,
    /// The cluster or an admission webhook says that the object is wrong.
    Invalid,
    /// The cluster could not be reached, or the connection broke and could not be mended in time.
    Unreachable,
    /// The cluster answered with a server error (5xx, 429) until the retries ran out.
    Server,
    /// A wait passed its deadline, or what it waits for can no longer happen.
    Timeout,
    /// The user pressed Ctrl-C.
    Cancelled,
    /// A script called a primitive in a wrong way: type, option, format.
    Usage,
    /// The run lacks a right that its header's `needs` must grant.
    Rights,
    /// A local program could not be started or ended with a non-zero exit code.
    Process,
    /// A check of the script itself did not hold (`fail`, `throw`).
    Script,
    /// A defect of meshwright.
    Internal,
}

impl Kind {
    /// Every kind, for documentation and tests.
    pub const ALL: [Kind; 15] = [
        Kind::NotFound,
        Kind::Conflict,
        Kind::AlreadyExists,
        Kind::Forbidden,
        Kind::Unauthorized,
        Kind::Invalid,
        Kind::Unreachable,
        Kind::Server,
        Kind::Timeout,
        Kind::Cancelled,
        Kind::Usage,
        Kind::Rights,
        Kind::Process,
        Kind::Script,
        Kind::Internal,
    ];

    /// The name that scripts see as `e.kind`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::NotFound => "not_found",
            Kind::Conflict => "conflict",
            Kind::AlreadyExists => "already_exists",
            Kind::Forbidden => "forbidden",
            Kind::Unauthorized => "unauthorized",
            Kind::Invalid => "invalid",
            Kind::Unreachable => "unreachable",
            Kind::Server => "server",
            Kind::Timeout => "timeout",
            Kind::Cancelled => "cancelled",
            Kind::Usage => "usage",
            Kind::Rights => "rights",
            Kind::Process => "process",
            Kind::Script => "script",
            Kind::Internal => "internal",
        }
    }

    /// The kind with that script name.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A place in a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The script's source name, such as `shared-gateways/main.rhai` or `std:istio/mesh`.
    pub source: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// Why something did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub kind: Kind,
    /// What went wrong, in the server's or program's own words where it spoke; no trailing period.
    pub message: String,
    /// The context name of the cluster concerned.
    pub cluster: Option<String>,
    /// The object concerned, as `Kind namespace/name`.
    pub object: Option<String>,
    /// What the user can do, as a sentence or a command.
    pub hint: Option<String>,
    /// More lines to show below the message: what was seen, a program's last lines, conflicting fields.
    pub details: Vec<String>,
    /// Where in a script, innermost first; filled in by the engine.
    pub places: Vec<Place>,
}

/// The result type of everything below the command line.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    /// A failure of this kind with this message.
    pub fn new(kind: Kind, message: impl Into<String>) -> Failure {
        Failure {
            kind,
            message: message.into(),
            cluster: None,
            object: None,
            hint: None,
            details: Vec::new(),
            places: Vec::new(),
        }
    }

    /// A wrong call: type, option or format.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Kind::Usage, message)
    }

    /// A defect of meshwright itself.
    pub fn internal(message: impl Into<String>) -> Failure {
        Failure::new(Kind::Internal, message)
    }

    /// Names the cluster, unless a deeper layer has named one.
    pub fn on_cluster(mut self, cluster: impl Into<String>) -> Failure {
        self.cluster.get_or_insert_with(|| cluster.into());
        self
    }

    /// Names the object, unless a deeper layer has named one.
    pub fn about(mut self, object: impl Into<String>) -> Failure {
        self.object.get_or_insert_with(|| object.into());
        self
    }

    /// Says what to do, unless a deeper layer has said it.
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// Adds lines to show below the message.
    pub fn details(mut self, lines: impl IntoIterator<Item = String>) -> Failure {
        self.details.extend(lines);
        self
    }

    /// Adds a line to show below the message.
    pub fn detail(mut self, line: impl Into<String>) -> Failure {
        self.details.push(line.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.cluster, &self.object) {
            (Some(cluster), Some(object)) => write!(f, "{cluster}: {object}: {}", self.message),
            (Some(cluster), None) => write!(f, "{cluster}: {}", self.message),
            (None, Some(object)) => write!(f, "{object}: {}", self.message),
            (None, None) => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Failure {}
