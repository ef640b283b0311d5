"""What the user chose in the reproducibility section, as a part of the module's parameter node."""

from __future__ import annotations

from slicer.parameterNodeWrapper import parameterPack


@parameterPack
class AgreementChoices:
    """Where readings are, and a rule of one's own; its fields are those of :class:`agreement.kept_features.Rule`."""

    from_file: bool = False
    table: str
    own_rule: bool = False
    form: str = "2,1"
    strict: bool = False
    threshold: float = 0.9
    lower_bound: bool = False
