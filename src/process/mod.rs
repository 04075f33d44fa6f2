//! Local programs: started without a shell, stdin closed, output caught, killed with their children.
