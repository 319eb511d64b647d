"""What the completions need beyond what the parser of arguments generates: names with brackets and equals signs in them."""

# Readline ends a word at each '=', so that `make[size=5` comes as three; and it would quote brackets as in names of files.
BASH = """
__pipeline_whole_words() {
    local -a words=()
    local -i index cursor=0
    for ((index = 0; index <= COMP_CWORD; index++)); do
        local word="${COMP_WORDS[index]}"
        if ((${#words[@]} > 1)) && [[ "${word}" == '='* || "${words[-1]}" == *'=' ]]; then
            words[-1]+="${word}"
        else
            words+=("${word}")
        fi
    done
    cursor=$((${#words[@]} - 1))
    local quote='' whole="${words[cursor]}"
    if [[ "${whole}" == [\\"\\']* ]]; then
        quote="${whole:0:1}"
        whole="${whole:1}"
    fi
    words[cursor]="${whole}"
    local -a COMP_WORDS=("${words[@]}")
    local -i COMP_CWORD=cursor
    COMPREPLY=()
    _pipeline "${1}" "${whole}" "${words[cursor - 1]}"
    if [[ "${COMPREPLY[*]}" == *[=[]* ]]; then
        compopt +o filenames 2>/dev/null
        [[ "${#COMPREPLY[@]}" == 1 && "${COMPREPLY[0]}" == *= ]] && compopt -o nospace 2>/dev/null
        local before=''
        [[ -z "${quote}" && "${whole}" == *=* ]] && before="${whole%"${whole##*=}"}"
        COMPREPLY=("${COMPREPLY[@]#"${before}"}")
    fi
}

complete -o filenames -F __pipeline_whole_words pipeline
"""
BASH_ENTRY = "complete -o filenames -F _pipeline pipeline\n"

# After the key of an option comes its value, without a space.
ZSH = """__pipeline_complete() {
    local -ar keys=("${(M)@:#*=}")
    (( ${#keys} )) && compadd -S '' -- "${keys[@]}"
    set -- "${@:#*=}"
"""
ZSH_ENTRY = "__pipeline_complete() {\n"


def mended(shell, script):
    """A script as it is installed."""
    # What a shell reads into itself is no program.
    if script.startswith("#!"):
        script = script.partition("\n")[2]
    if shell == "bash":
        assert script.endswith(BASH_ENTRY), "the generated script ends in another way"
        return script.removesuffix(BASH_ENTRY) + BASH.lstrip("\n")
    if shell == "zsh":
        assert script.count(ZSH_ENTRY) == 1, "the generated script adds completions in another way"
        return script.replace(ZSH_ENTRY, ZSH)
    return script
