"""The two ways in which a command fails: the input is wrong, or the machine failed."""


class InputError(Exception):
    """The person's input is wrong: one message that names the place, what was found and what is allowed."""

    exit_code = 2


class MachineError(Exception):
    """The input is fine and the machine failed: a full disk, a read-only folder, a worker that died."""

    exit_code = 1
