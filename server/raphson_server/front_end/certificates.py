"""TLS: the server's certificate, and whose clients' certificates it accepts, read again when they change."""

import ssl
from pathlib import Path

import grpc

from raphson_server.configuration import ServerConfig
from raphson_server.watched_files import UnusableFileError, WatchedFiles, read_bytes


def tls_credentials(config: ServerConfig) -> grpc.ServerCredentials:
    """Return what a port with TLS needs: every new connection gets the certificates as they are then.

    Raises
    ------
    UnusableFileError
        If a file cannot be read, is no PEM, or the key is not the certificate's.
    """
    names = [config.tls_certificate, config.tls_key, *filter(None, [config.tls_client_ca])]
    watched = WatchedFiles([Path(name) for name in names], lambda: _read(config))
    current = watched.content()

    def changed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal current
        latest = watched.content()
        if latest is current:
            return None
        current = latest
        return latest

    return grpc.dynamic_ssl_server_credentials(
        current,
        changed,  # type: ignore[arg-type] # None keeps what there is, as gRPC documents
        require_client_authentication=bool(config.tls_client_ca),
    )


def _read(config: ServerConfig) -> grpc.ServerCertificateConfiguration:
    certificate = read_bytes(Path(config.tls_certificate), "tls_certificate")
    key = read_bytes(Path(config.tls_key), "tls_key")
    authorities = read_bytes(Path(config.tls_client_ca), "tls_client_ca") if config.tls_client_ca else None
    _check(config)
    return grpc.ssl_server_certificate_configuration([(key, certificate)], root_certificates=authorities)


def _check(config: ServerConfig) -> None:
    """Refuse files that gRPC would take, and then fail by at every handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = f"tls_certificate {config.tls_certificate} and tls_key {config.tls_key}"
    try:
        # A key with a passphrase is refused, rather than asked for.
        context.load_cert_chain(config.tls_certificate, config.tls_key, password="")
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or str(error)
        raise UnusableFileError(
            f"{pair} are no pair ({reason}); expected PEM, the key that of the certificate and without a passphrase"
        ) from None
    if not config.tls_client_ca:
        return
    try:
        context.load_verify_locations(config.tls_client_ca)
    except ssl.SSLError as error:
        raise UnusableFileError(
            f"tls_client_ca {config.tls_client_ca} has no certificate ({error.reason}); expected PEM"
        ) from None
