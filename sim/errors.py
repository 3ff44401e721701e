"""The two ways in which a command fails (the input is wrong, or the machine failed), and what is no failure."""


class InputError(Exception):
    """The person's input is wrong: one message that names the place, what was found and what is allowed."""

    exit_code = 2


class MachineError(Exception):
    """The input is fine and the machine failed: a full disk, a read-only folder, a worker that died."""

    exit_code = 1


class Interrupted(Exception):
    """Ctrl-C, with what was kept."""


class Remark(UserWarning):
    """What was asked for cannot act, or means something else than it says: no fault, but worth knowing."""
