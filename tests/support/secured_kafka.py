"""An Apache Kafka with TLS and SCRAM only, like a managed one."""

import datetime
import ipaddress
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from deploy.embedded.engines import ApacheKafka
from shared.kafka_access import KafkaAccess

USER, PASSWORD = "platform", "correct-horse-battery-staple"


class SecuredKafka(ApacheKafka):
    """A broker whose client listener uses SASL_SSL with SCRAM-SHA-512; `directory/authority.pem` signs its certificate."""

    recipe = Path(__file__).with_name("secured_kafka.properties")

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        directory.mkdir(parents=True)
        make_certificate(self.directory)

    @property
    def access(self) -> KafkaAccess:
        return KafkaAccess(
            security_protocol="SASL_SSL",
            sasl_mechanism="SCRAM-SHA-512",
            username=USER,
            password=SecretStr(PASSWORD),
            ca_file=str(self.directory / "authority.pem"),
        )

    def format_options(self) -> Sequence[str]:
        return ("--add-scram", f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]")


def make_certificate(directory: Path) -> None:
    """Write `authority.pem`, and `broker.pem` with key and certificate of a broker on the loopback address."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
    now = datetime.datetime.now(datetime.UTC)

    def certificate(name: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(authority)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(days=1))
        )

    root = (
        certificate(authority, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    broker = (
        certificate(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")]), key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (directory / "authority.pem").write_bytes(root.public_bytes(pem))
    (directory / "broker.pem").write_bytes(private + broker.public_bytes(pem))
