"""A very small image of every imaging order, so that a real PACS has something to keep."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping

_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
}


def study_uid(accession_number: str) -> str:
    """Answer the Study Instance UID of an order (UUID-derived root 2.25, PS3.5 §B.2)."""
    return f"2.25.{int.from_bytes(hashlib.sha256(accession_number.encode()).digest()[:15])}"


def instance(accession_number: str, facts: Mapping[str, str]) -> bytes:
    """Answer one 8 by 8 grey image of this order as a DICOM file in UTF-8. Needs the ``dicom`` extra."""
    # Only a demo with a real PACS stores images; every other installation does without pydicom.
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    study = study_uid(accession_number)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(_CLASSES.get(facts["modality"], _CLASSES["CT"]))
    meta.MediaStorageSOPInstanceUID = UID(f"{study}.1.1")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset("image.dcm", {}, file_meta=meta, preamble=b"\0" * 128)
    image.SpecificCharacterSet = "ISO_IR 192"
    image.SOPClassUID, image.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    image.StudyInstanceUID, image.SeriesInstanceUID = study, f"{study}.1"
    image.AccessionNumber, image.PatientID = accession_number, facts["patient_id"]
    image.PatientName = f"PATIENT={facts['patient_name']}"
    image.PatientSex, image.PatientBirthDate = "O", ""
    image.StudyDate, image.StudyTime, image.StudyID = "20260101", "080000", "1"
    image.Modality, image.StudyDescription = facts["modality"], facts["procedure_name"]
    image.SeriesNumber, image.InstanceNumber, image.ReferringPhysicianName = 1, 1, ""
    image.Rows, image.Columns, image.SamplesPerPixel = 8, 8, 1
    image.PhotometricInterpretation, image.PixelRepresentation = "MONOCHROME2", 0
    image.BitsAllocated, image.BitsStored, image.HighBit = 8, 8, 7
    image.PixelData = bytes(range(64))
    buffer = io.BytesIO()
    image.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
