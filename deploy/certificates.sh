#!/bin/sh
# Makes an authority and a server's certificate of its own, for trying things out: deploy/certificates.sh FOLDER
# The certificate is for localhost and raphson. In production take certificates from whoever issues yours.
set -eu
umask 077
folder=${1:?expected the folder for ca.crt, tls.crt and tls.key}
mkdir -p "$folder"
cd "$folder"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=raphson trial authority" \
    -keyout ca.key -out ca.crt
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=raphson" -keyout tls.key -out tls.csr
printf 'subjectAltName=DNS:localhost,DNS:raphson,IP:127.0.0.1\n' > names
openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile names -out tls.crt
rm tls.csr names ca.srl
# The container's user reads them; the authority's key stays its owner's.
chmod 0644 ca.crt tls.crt tls.key
chmod 0755 .
