"""The ways in which a call of the AWS CLI fails."""

from collections import namedtuple

# `sent`: the call reaches AWS and is done there. `stays`: so do all calls after it. `kills`: the script dies of it.
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


# What a script notices comes first; a call that was throttled or has warned is as if nothing had been.
WAYS = {
    "denied": Way(False, error("AccessDeniedException", "User is not authorized to perform this action")),
    "cut off": Way(True, cut_off),
    "killed": Way(True, lambda operation, code, out, err: (code, out, err), kills=True),
    "hollow": Way(True, lambda operation, code, out, err: (code, "{}\n" if out else "", err)),
    "offline": Way(False, unreachable, stays=True),
    "empty": Way(True, lambda operation, code, out, err: (code, "", err)),
    # Not what AWS says of a thing that is not there, though CloudFormation has the same code for that.
    "refused": Way(False, error("ValidationError", "1 validation error detected: this request can not be read")),
    "throttled": Way(False, error("ThrottlingException", "Rate exceeded")),
    "warning": Way(True, warning),
}
