"""Proofs that roots exist, are alone, and are all there are, in arithmetic that bounds every rounding."""

from raphson_solver.proof.certificate import Certificate, Prover, certify
from raphson_solver.proof.enclosure import Enclosure, enclose
from raphson_solver.proof.search import BoxSearch, search_box

__all__ = ["BoxSearch", "Certificate", "Enclosure", "Prover", "certify", "enclose", "search_box"]
