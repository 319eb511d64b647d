"""Man pages made from the commands' own help, as `pipeline --experimental-dump-help` prints it."""
import re

# What the help does not say, for the page of the program itself.
ENVIRONMENT = [("PIPELINE_CACHE", "The cache folder, where --cache does not name one."),
               ("PIPELINE_KERNELS", "baseline, avx2 or avx512: the kernels to use instead of the best that the processor runs.")]
STATUS = re.compile(r"(\d+) ([^;.]+)[;.]")


def escape(text):
    """Plain text as roff: no character of it is a command, and all are ASCII."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    text = "".join(c if c.isascii() else f"\\[u{ord(c):04X}]" for c in text)
    return "\n".join("\\&" + line if line.startswith(".") else line for line in text.split("\n"))


def paragraphs(text):
    return ".PP\n".join(escape(part.replace("\n", " ")) + "\n" for part in text.split("\n\n") if part)


def head(name, summary, version):
    return (f'.TH {name.upper()} 1 "" "pipeline {version}" "User Commands"\n'
            f".SH NAME\n{escape(name)} \\- {escape(summary.rstrip('.'))}\n")


def option_names(argument):
    names = sorted((("-" if name["kind"] == "short" else "--") + name["name"] for name in argument["names"]), key=len)
    value = f" {argument['valueName'].upper()}" if argument["kind"] == "option" else ""
    return ", ".join(names), value


def synopsis(words, command):
    """The line of usage."""
    parts = []
    for argument in shown(command):
        if argument["kind"] == "positional":
            part = argument["valueName"].upper() + ("…" if argument["isRepeating"] else "")
        else:
            names, value = option_names(argument)
            part = names.split(", ")[-1] + value
        parts.append(f"[{part}]" if argument["isOptional"] else part)
    bold = f".B {escape(' '.join(words))}\n"
    return ".SH SYNOPSIS\n" + bold + (f"{escape(' '.join(parts))}\n" if parts else "")


def shown(command):
    return [argument for argument in command.get("arguments", []) if argument.get("shouldDisplay", True)]


def options(command):
    text = ""
    for argument in shown(command):
        names, value = ("", argument["valueName"].upper()) if argument["kind"] == "positional" else option_names(argument)
        text += f".TP\n\\fB{escape(names)}\\fR{escape(value)}\n{escape(argument.get('abstract', ''))}\n"
        default = argument.get("defaultValue")
        if default and "default" not in argument.get("abstract", ""):
            text += escape(f"(default: {default})") + "\n"
        if argument.get("discussion"):
            text += escape(argument["discussion"]) + "\n"
    return f".SH OPTIONS\n{text}" if text else ""


def subcommands(command):
    return [sub for sub in command.get("subcommands", []) if sub["commandName"] != "help" and sub.get("shouldDisplay", True)]


def page(words, command, version):
    """The man page of one command."""
    name = "-".join(words)
    text = head(name, command.get("abstract", ""), version) + synopsis(words, command)
    if command.get("discussion"):
        text += ".SH DESCRIPTION\n" + paragraphs(command["discussion"])
    text += options(command)
    if subcommands(command):
        text += ".SH COMMANDS\n" + "".join(
            f".TP\n\\fB{escape(sub['commandName'])}\\fR\n{escape(sub.get('abstract', ''))}\n" for sub in subcommands(command))
    if len(words) == 1:
        text += ".SH ENVIRONMENT\n" + "".join(f".TP\n.B {escape(a)}\n{escape(b)}\n" for a, b in ENVIRONMENT)
        status = STATUS.findall(command.get("discussion", "").partition("Exit codes:")[2])
        if status:
            text += '.SH "EXIT STATUS"\n' + "".join(f".TP\n.B {code}\n{escape(what)}\n" for code, what in status)
    else:
        text += f'.SH "SEE ALSO"\n.BR {escape("-".join(words[:-1]))} (1)\n'
    return name, text


def pages(command, version, words=()):
    """The pages of a command and of all below it: name and text of each."""
    words = (*words, command["commandName"])
    yield page(words, command, version)
    for sub in subcommands(command):
        yield from pages(sub, version, words)
