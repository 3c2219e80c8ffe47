# SPDX-License-Identifier: MIT
# bash completion for heapconv. Formats and views are asked of the program itself.
_heapconv() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} name value
	local options="$(heapconv --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]+' | sort -u)"
	COMPREPLY=()
	# bash splits "--option=value" at the equals sign
	if [[ $cur == = ]]; then
		name=$prev value=
	elif [[ $prev == = ]]; then
		name=${COMP_WORDS[COMP_CWORD-2]} value=$cur
	else
		name=$prev value=$cur
	fi
	case $name in
	--format)
		COMPREPLY=($(compgen -W "$(heapconv --help 2>/dev/null | sed -n '/^formats/,/^inputs/p' | awk '/^  [a-z]/ { print $1 }')" -- "$value"))
		return ;;
	--view)
		COMPREPLY=($(compgen -W "$(heapconv --help 2>/dev/null | sed -n 's/^ *views: //p' | tr ' ' '\n' | sort -u)" -- "$value"))
		return ;;
	--dump)
		COMPREPLY=($(compgen -W "$(heapconv --help 2>/dev/null | sed -n 's/.*--dump=LAYER.*sees: //p')" -- "$value"))
		return ;;
	--progress)
		COMPREPLY=($(compgen -W "auto always never" -- "$value"))
		return ;;
	--sysroot | --search | --types-dir)
		COMPREPLY=($(compgen -d -- "$value"))
		return ;;
	esac
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$options -o -e -q -v -h" -- "$cur"))
	else
		COMPREPLY=($(compgen -f -- "${cur#=}"))
	fi
}
complete -o filenames -F _heapconv heapconv
