<?xml version="1.0" encoding="UTF-8"?>
<!-- Other services share this document's root, so the action decides; all three generations of its name are heard. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:output method="xml" encoding="UTF-8"/>
  <xsl:template match="/">
    <xsl:variable name="action" select="normalize-space(/*/*[local-name()='action'])"/>
    <xsl:if test="not($action = 'PatientInfoRegister' or $action = 'S0001' or $action = 'PatientRegistryAddRequest' or $action = 'XT-PatientRegistryAddRequest')">
      <xsl:message terminate="yes">this address takes the action PatientInfoRegister only</xsl:message>
    </xsl:if>
    <xsl:copy-of select="/*"/>
  </xsl:template>
</xsl:stylesheet>
