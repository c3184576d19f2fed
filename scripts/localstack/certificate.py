"""The certificate of LocalStack for 127.0.0.1, and the authority that signed it. The one of LocalStack names no address.

A new domain has an https endpoint, and a client of it has to trust its certificate.
"""
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


def certificate(name, issuer, key, signer, extension, critical):
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number()).add_extension(extension, critical)
    return built.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=2)).sign(signer, SHA256())


def write(authority, server):
    """Writes the authority's certificate into one file, the server's key and certificate into another."""
    ours, theirs = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in ("localstack-ca", "localstack")]
    may_sign = x509.BasicConstraints(ca=True, path_length=None)
    authority.write_bytes(certificate(names[0], names[0], ours, ours, may_sign, True).public_bytes(Encoding.PEM))
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    signed = certificate(names[1], names[0], theirs, ours, address, False)
    key = theirs.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    server.write_bytes(key + signed.public_bytes(Encoding.PEM))
