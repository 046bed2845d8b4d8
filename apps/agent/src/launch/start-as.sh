# The last step before a command that is started as another user, already as that user: sh -c THIS sh MARK CWD COMMAND [ARG…]
# Reads the run's variables from its standard input, as a script that ends with the line MARK. They come this way because
# they must not act on anything that still runs as root, and must be in any list of arguments.
mark=$1 cwd=$2 script=
shift 2
while IFS= read -r line && [ "$line" != "$mark" ]; do
  script="$script$line
"
done
# Whoever was to send them is gone: nothing is started with half an environment.
[ "$line" = "$mark" ] || exit 126
exec </dev/null
cd -- "$cwd" || exit 126
unset PWD OLDPWD line mark cwd
eval "unset script
$script"
exec "$@"
