# QIDO-RS for studies (PS3.18 §10.6). A query without a key would list the whole archive, so it is refused.
if (.accessionNumber // .patientId) == null then error("accessionNumber or patientId is needed") else . end
| {includefield: "StudyDescription,ModalitiesInStudy,PatientName,NumberOfStudyRelatedInstances"}
  + (if .accessionNumber then {AccessionNumber: .accessionNumber} else {} end)
  + (if .patientId then {PatientID: .patientId} else {} end)
