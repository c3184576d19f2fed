# The security plugin of a node, for engine.sh: files, certificates and settings as in the demo of the plugin (the user admin with
# the password admin, and the roles of the plugin's files). One mapping of the demo is left out: it gives every user the permissions of the
# cluster that a role of Millrace could lack.

plugin() { # name: unpacks the plugin into the node's folder of plugins
  mkdir -p "$building/plugins/$1"
  (cd "$building/plugins/$1" && "$jdk/bin/jar" xf "$stage/$1"-*.zip)
  rm "$stage/$1"-*.zip
}
keytool() { # prints its log only after a failure, because keytool writes to standard error after a success too
  "$jdk/bin/keytool" "$1" -keystore "$building/config/node.p12" -storetype PKCS12 -storepass changeit "${@:2}" \
    2> "$building/keytool.log" || { echo "keytool $1 failed" | cat "$building/keytool.log" - >&2; return 1; }
}
key() { # name, distinguished name, further options of -genkeypair
  keytool -genkeypair -alias "$1" -dname "$2" -keyalg RSA -keysize 2048 -validity 3650 "${@:3}"
}
certificates() { # creates an authority and a node certificate signed by it: clients refuse a certificate that is its own authority
  local names=san=ip:127.0.0.1,dns:localhost config=$building/config
  key ca CN=engine-ca -ext bc:c=ca:true
  key node CN=engine-0
  keytool -exportcert -rfc -alias ca > "$config/ca.pem"
  keytool -importcert -noprompt -alias authority < "$config/ca.pem" # without its key: Java does not trust an entry that has a key
  keytool -certreq -alias node > "$config/node.csr"
  keytool -gencert -rfc -alias ca -validity 3650 -ext "$names" -infile "$config/node.csr" > "$config/node.pem"
  cat "$config/node.pem" "$config/ca.pem" | keytool -importcert -noprompt -alias node
}
secure() {
  plugin opensearch-job-scheduler
  plugin opensearch-security
  certificates
  mv "$building/plugins/opensearch-security/config" "$building/config/opensearch-security"
  local at mapping=$building/config/opensearch-security/roles_mapping.yml
  sed '/^own_index:/,/^$/d' "$mapping" > "$mapping.new"
  mv "$mapping.new" "$mapping"
  for at in http transport; do
    printf "plugins.security.ssl.$at.%s\n" 'keystore_type: PKCS12' 'keystore_filepath: node.p12' 'keystore_password: changeit' \
      'keystore_alias: node' 'truststore_type: PKCS12' 'truststore_filepath: node.p12' 'truststore_password: changeit' \
      'truststore_alias: authority'
  done >> "$building/config/opensearch.yml"
  printf 'plugins.security.%s\n' 'ssl.http.enabled: true' 'ssl.transport.enforce_hostname_verification: false' \
    'allow_default_init_securityindex: true' 'authcz.admin_dn: ["CN=nobody"]' 'nodes_dn: ["CN=engine-0"]' \
    'restapi.roles_enabled: [all_access]' >> "$building/config/opensearch.yml"
}
