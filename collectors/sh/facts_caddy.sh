# Asks once which Caddy there is, and the hash of the configuration that its process was started with.
LC_ALL=C PATH=$PATH:/usr/local/bin
export LC_ALL PATH
echo '== version'
caddy version
echo '== processes'
processes -F caddy
hidden
