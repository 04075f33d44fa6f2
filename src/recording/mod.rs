//! The traffic of a run in a file, and its replay. Knows no Rhai.
//!
//! A recording is JSON lines, mode 0600, with no secret in it: first what was run, then every request with its answer,
//! every program, and every program in a container. It is no film that must be replayed frame by frame: scripts work on
//! many clusters at once, and a fork asks a little more or less than its origin. So reads are answered by what the
//! recording has for them at that point of the *object's* life, which is counted in changes to it; and of changes, only
//! what is sent for each object is compared, not in which order objects are changed.
//!
//! | file | what it is |
//! | --- | --- |
//! | `entry` | the lines of the file |
//! | `mask`, `fill` | secrets taken out; something put back in their places |
//! | `writer` | the file while it is recorded |
//! | `aim` | which object a path is about |
//! | `tape` | the file read back |
//! | `player`, `answers` | the replay: a transport, and what it says |
//! | `programs` | local programs, recorded and replayed |
//! | `difference` | what is sent now against what was sent then |

mod aim;
mod answers;
mod difference;
mod entry;
mod fill;
mod mask;
mod player;
mod programs;
mod tape;
mod writer;

pub use entry::Start;
pub use player::Player;
pub use programs::{RecordedPrograms, ReplayedPrograms};
pub use tape::Tape;
pub use writer::Writer;
