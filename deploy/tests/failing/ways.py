"""The ways in which a call of the AWS CLI fails."""

from collections import namedtuple

# `sent`: AWS performs the call. `answer`: what the script gets. `stays`: all later calls fail too. `kills`: the
# script is killed.
Way = namedtuple("Way", "sent answer stays kills", defaults=(False, False))


def error(code, message):
    def answer(operation, *_):
        name = "".join(word.capitalize() for word in operation.split()[-1].split("-"))
        return 254, "", f"\nAn error occurred ({code}) when calling the {name} operation (reached max retries: 5): {message}\n"

    return answer


def unreachable(*_):
    return 255, "", '\nCould not connect to the endpoint URL: "https://eu-central-1.amazonaws.com/"\n'


def cut_off(operation, code, out, err):
    return 255, out[: len(out) // 2], "\nConnection was closed before we received a valid response from endpoint URL\n"


def warning(operation, code, out, err):
    return code, out, err + "/usr/lib/python3/urllib3/connectionpool.py:1: Warning: something unusual\n"


# Failures that a script notices come first. The last two must have no effect: the CLI retries, or only warns.
WAYS = {
    "denied": Way(False, error("AccessDeniedException", "User is not authorized to perform this action")),
    "cut off": Way(True, cut_off),
    "killed": Way(True, lambda operation, code, out, err: (code, out, err), kills=True),
    "hollow": Way(True, lambda operation, code, out, err: (code, "{}\n" if out else "", err)),
    "offline": Way(False, unreachable, stays=True),
    "empty": Way(True, lambda operation, code, out, err: (code, "", err)),
    # Not "does not exist", although CloudFormation uses the same code for that.
    "refused": Way(False, error("ValidationError", "1 validation error detected: this request can not be read")),
    "throttled": Way(False, error("ThrottlingException", "Rate exceeded")),
    "warning": Way(True, warning),
}
