# The DICOM JSON model (PS3.18 Annex F) to the typed answer; absent attributes stay absent.
def first_of($tag): .[$tag].Value[0]?;
def present: with_entries(select(.value != null and .value != "" and .value != []));

{study: [.[]? | {
  studyInstanceUid: first_of("0020000D"),
  accessionNumber: first_of("00080050"),
  patientId: first_of("00100020"),
  patientName: (first_of("00100010") | if type == "object"
    then ({alphabetic: .Alphabetic, ideographic: .Ideographic, phonetic: .Phonetic} | present) else null end),
  studyDate: first_of("00080020"),
  modality: [(.["00080061"].Value // .["00080060"].Value // [])[]],
  description: first_of("00081030"),
  instances: (first_of("00201208") | if . == null then null else tonumber end)
} | present]}
